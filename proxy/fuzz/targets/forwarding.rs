//! Any lines as the fields by which proxies speak: whatever a client wrote, what the proxy before us adds is what counts,
//! and what is sent on is well-formed.
#![no_main]

use std::net::IpAddr;

use config::model::ForwardingFields;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

const CLIENT: &str = "198.51.100.7";
const SPAN: &str = "0123456789abcdef";

fuzz_target!(|sent: Vec<&[u8]>| {
    let proxies = ["10.0.0.0/8".parse().expect("a network")];
    let peer: IpAddr = "10.0.0.9".parse().expect("an address");
    let stranger: IpAddr = "203.0.113.5".parse().expect("an address");
    let lines: Vec<&[u8]> = sent.into_iter().filter(|line| HeaderValue::from_bytes(line).is_ok()).collect();

    for (name, fields, added) in [
        ("x-forwarded-for", ForwardingFields::XForwarded, &[CLIENT, "198.51.100.7:1"][..]),
        ("forwarded", ForwardingFields::Forwarded, &["for=198.51.100.7", "For=\"198.51.100.7:1\";host=\"a,\\\"\";x=y"]),
    ] {
        let headers = fields_of(name, &lines);
        assert_eq!(proxy::fuzzing::client(stranger, &headers, &proxies, fields), (stranger, false));
        proxy::fuzzing::client(peer, &headers, &proxies, fields);
        for added in added {
            let mut on_a_line = lines.clone();
            on_a_line.push(added.as_bytes());
            let mut behind = lines.iter().map(|line| line.to_vec()).collect::<Vec<_>>();
            if let Some(last) = behind.last_mut() {
                last.extend([b", ", added.as_bytes()].concat());
            }
            let behind: Vec<_> = behind.iter().map(Vec::as_slice).collect();
            for lines in [on_a_line, behind] {
                if lines.is_empty() {
                    continue;
                }
                let (address, _) = proxy::fuzzing::client(peer, &fields_of(name, &lines), &proxies, fields);
                assert_eq!(address.to_string(), CLIENT);
            }
        }
    }

    let headers = fields_of("forwarded", &lines);
    let kept = proxy::fuzzing::forwarded_elements(&headers).join(&b", "[..]);
    let again = fields_of("forwarded", &[&kept]);
    assert_eq!(proxy::fuzzing::forwarded_elements(&again).join(&b", "[..]), kept, "it is sent on as it was read");

    trace(&lines);
});

fn fields_of(name: &'static str, lines: &[&[u8]]) -> HeaderMap {
    let name = HeaderName::from_static(name);
    lines.iter().map(|line| (name.clone(), HeaderValue::from_bytes(line).expect("filtered"))).collect()
}

/// The first line as `traceparent`, the others as `tracestate`.
fn trace(lines: &[&[u8]]) {
    let Some((parent, state)) = lines.split_first() else { return };
    let mut headers = fields_of("traceparent", &[parent]);
    headers.extend(fields_of("tracestate", state));
    let span = u64::from_str_radix(SPAN, 16).expect("a number");
    let (parent, state) = proxy::fuzzing::trace(&headers, 1, span).expect("neither is zero");
    assert!(parent.len() == 55 && parent[36..].starts_with(SPAN), "{parent}");
    let state = state.unwrap_or_default();
    assert!(state.len() <= 512 && state.split(',').count() <= 32, "{state}");

    let mut again = fields_of("traceparent", &[parent.as_bytes()]);
    again.extend(fields_of("tracestate", &[state.as_bytes()]));
    let kept = proxy::fuzzing::trace(&again, 1, span).expect("neither is zero");
    assert_eq!(kept, (parent, (!state.is_empty()).then_some(state)), "it is sent on as it was read");
}
