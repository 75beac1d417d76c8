//! Checks where the edge stands: in a zone that endpoints know, or they in one for nothing.

use super::names::check_name;
use crate::{
    model::Place,
    problem::{Code, Report, suggest},
    schema::{
        self, AnyEndpoint,
        read::{Named, Tried, Written},
    },
};

type Pools = Named<Tried<schema::Pool>>;

/// Reports the zone of an edge that no endpoint shares, and zones of endpoints where the edge has none.
pub(super) fn check(place: Option<&Written<Place>>, pools: &Pools, report: &mut Report) {
    if let Some(Written { value: Place::Zone(name), at }) = place
        && !check_name("zone", name, at, report)
    {
        return;
    }
    let read = || pools.entries.iter().filter_map(|(_, pool)| pool.0.as_ref());
    let endpoints = read().filter_map(|pool| pool.endpoints.as_ref()).flat_map(|endpoints| &endpoints.value);
    let zones: Vec<_> = endpoints.filter_map(|AnyEndpoint(endpoint)| endpoint.zone.as_ref()).collect();
    // Others may stand in a file, or where something else is wrong.
    let all_known =
        pools.entries.iter().all(|(_, pool)| pool.0.is_some()) && read().all(|p| p.endpoints_file.is_none());
    match (place, zones.first()) {
        (None, Some(Written { at, .. })) => {
            let hint = "say where this edge stands, `process: {zone: ...}`, or leave the zones of endpoints out";
            report.refuse_with_hint(Code::WithoutEffect, at, "the edge itself stands in no zone", hint);
        }
        (Some(Written { at, .. }), None) if all_known => {
            let hint = "write `zone` at the endpoints, or leave it out here";
            report.refuse_with_hint(Code::WithoutEffect, at, "no endpoint stands in a zone", hint);
        }
        (Some(Written { value: Place::Zone(name), at }), Some(_))
            if all_known && !zones.iter().any(|zone| zone.value == *name) =>
        {
            let mut known: Vec<_> = zones.iter().map(|zone| zone.value.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            let hint = suggest::hint(name, known).expect("there are such zones");
            report.refuse_with_hint(Code::UnknownName, at, format!("no endpoint stands in the zone `{name}`"), hint);
        }
        _ => {}
    }
}
