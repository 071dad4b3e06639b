//! A clock that jumps by years stops nothing: what waits and what is due is counted by the monotonic one.

use crate::support::{PEOPLE, Room, expect, people, setup};
use ecma_plugin_sdk::{
    ErrorKind,
    testkit::{Fake, Fault},
};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Another year each time it is looked at, forth and back, and out of what 32 bits of seconds can hold.
fn jumping() -> jiff::Timestamp {
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    const YEARS: [i64; 6] = [2025, 2075, 1971, 2200, 1905, 2026];
    let look = LOOKS.fetch_add(1, Ordering::Relaxed);
    let since_1970 = YEARS[look % YEARS.len()] - 1970;
    jiff::Timestamp::from_second(since_1970 * 31_556_952).unwrap()
}

#[tokio::test]
async fn imports_go_on_by_themselves_and_stay_deltas_whatever_the_clock_says() {
    let system = people("jumping", 3);
    let mut setup = setup::<Fake>("jumping", PEOPLE);
    setup.clock = jumping;
    let room = Room(setup.host());
    system.fail(Fault::Import(1, ErrorKind::Unreachable));
    room.binding.start();
    assert_eq!(room.ran(1).await["outcome"], "failed");
    // Nobody asks for this one.
    assert_eq!(room.ran(2).await["outcome"], "success");
    for number in 3..=14 {
        let id = number.to_string();
        system.person(&id, &format!("p{id}"));
        expect(&room.rename("1", &format!("name {number}")).await, 200);
        room.binding.run_soon();
        let run = room.ran(number).await;
        assert_eq!((&run["kind"], &run["outcome"]), (&json!("delta"), &json!("success")));
        assert_eq!(run["seconds"].as_f64().map(|seconds| seconds < 3600.0), Some(true));
        expect(&room.user(&id).await, 200);
    }
    assert_eq!(room.user("1").await.body["displayName"], "name 14");
    assert_eq!(room.total().await, 14);
    room.binding.stop().await;
}
