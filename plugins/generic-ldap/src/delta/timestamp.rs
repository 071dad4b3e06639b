//! Deltas by the times at which entries were made and changed. Deleted entries leave no trace: only a
//! full import finds that they are gone.
//!
//! Times are the server's. A mark is never later than the greatest time that a run saw, nor than the
//! host's own clock at its start, less the time that the run took and the overlap; so clocks that
//! differ, replicas that are late and equal times lose nothing. What lies in the overlap comes again.

use super::{Scene, Tell, changed_now, forgotten, usn};
use crate::{
    client::{Client, Found, Search},
    moment,
};
use ecma_plugin_sdk::Result;
use jiff::{Timestamp, ToSpan};

/// The times of an entry; Active Directory has its own.
pub(crate) const TIMES: [&str; 4] =
    ["modifyTimestamp", "createTimestamp", "whenChanged", "whenCreated"];

/// The time at which an entry was changed last.
pub(crate) fn changed(found: &Found) -> Option<Timestamp> {
    let times = TIMES.iter().filter_map(|name| found.text(name));
    times.filter_map(|text| moment::read_generalized(text)?.parse().ok()).max()
}

/// The mark of a run that began at `started` and saw `greatest`.
pub(super) fn settled(
    scene: &Scene<'_>,
    started: Timestamp,
    greatest: Option<Timestamp>,
) -> String {
    let lasted = scene.target.now().as_second().saturating_sub(started.as_second()).max(0);
    let back = i64::from(scene.target.settings.delta_overlap_seconds);
    let less = |time: Timestamp, seconds: i64| time.checked_sub(seconds.seconds()).unwrap_or(time);
    let seen = greatest.map_or(started, |greatest| less(greatest, lasted));
    less(seen.min(started), back).strftime("%Y%m%d%H%M%SZ").to_string()
}

pub(super) fn news(
    client: &mut Client,
    scene: &Scene<'_>,
    since: &str,
    tell: &mut Tell<'_>,
) -> Result<String> {
    let started = scene.target.now();
    let known: Option<Timestamp> =
        moment::read_generalized(since).and_then(|text| text.parse().ok());
    let known = known.ok_or_else(|| forgotten("the watermark is no time"))?;
    let [changed_at, made_at] = match scene.target.is_active_directory() {
        true => ["whenChanged", "whenCreated"],
        false => ["modifyTimestamp", "createTimestamp"],
    };
    // Who moved out of the filter or the containers is told by the plan.
    let kinds = scene.plan.with_containers(&scene.plan.classes_filter());
    let filter = format!("(&{kinds}(|({changed_at}>={since})({made_at}>={since})))");
    let mut greatest = None;
    let search = Search::below(scene.base, filter, scene.plan.asked());
    usn::each(client, scene, search, &mut |client, found| {
        greatest = greatest.max(changed(&found));
        tell(client, changed_now(scene, found))
    })?;
    // Without any change the mark stays where it was.
    let back = i64::from(scene.target.settings.delta_overlap_seconds);
    let before = known.checked_add(back.seconds()).unwrap_or(known);
    Ok(settled(scene, started, greatest.or(Some(before))))
}
