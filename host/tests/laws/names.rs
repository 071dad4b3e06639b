//! One user name is one person, however clients hurry and whatever the case of its letters.

use crate::support::{PEOPLE, expect, imported};
use serde_json::json;

#[tokio::test]
async fn of_many_who_create_one_name_at_once_one_succeeds() {
    let (system, room) = imported("one-name", 3, PEOPLE).await;
    system.state().next = 1001;
    system.hold(false, true);
    let mut running = Vec::new();
    for number in 0..20 {
        let other = room.clone();
        let name = if number % 2 == 0 { "new@example.org" } else { "NEW@example.org" };
        let body = json!({"userName": name});
        running.push(room.begin(async move { other.create(body).await }).await);
    }
    system.hold(false, false);
    let mut created = 0;
    for one in running {
        let answer = one.await.unwrap();
        if answer.status == 201 {
            created += 1;
        } else {
            expect(&answer, 409);
            assert_eq!(answer.body["scimType"], "uniqueness");
        }
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn nobody_takes_the_name_of_somebody_else() {
    let (system, room) = imported("taken-name", 2, PEOPLE).await;
    let taken = system.get("2").unwrap().text("userName").unwrap().to_uppercase();
    let own = system.get("1").unwrap().text("userName").unwrap().to_uppercase();
    for (name, status) in [(taken, 409), (own, 200)] {
        let change = json!({"op": "replace", "path": "userName", "value": name});
        let body = json!({"Operations": [change]});
        expect(&room.ask("PATCH", "/Users/user.1", Some(&body), &[]).await, status);
    }
}
