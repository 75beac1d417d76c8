//! Where one request ends and the next begins: what can be read in two ways is refused.

use std::collections::HashSet;

use crate::malformed::CASES;

#[test]
fn each_case_is_there_once() {
    let names: HashSet<_> = CASES.iter().map(|case| case.name).collect();
    let bytes: HashSet<_> = CASES.iter().map(|case| case.sent.bytes()).collect();
    assert_eq!((names.len(), bytes.len()), (CASES.len(), CASES.len()));
    assert!(CASES.len() >= 60 && CASES.iter().all(|case| matches!(case.status, 400..=599)));
}
