//! Signed webhooks: `t=<seconds>,v1=<hex>`, where `v1` is HMAC-SHA256 over `t`, a full stop and the body.
//!
//! The scheme is Stripe's (docs.stripe.com/webhooks#verify-manually). The time is part of what is signed, so that a
//! recorded message cannot be sent again later (invariant I6).

use hmac::Mac;

use crate::backing::secret::{SharedKey, hex};

/// The header that carries the signature.
pub(crate) const HEADER: &str = "payment-signature";
/// How far the sender's clock may be from ours, and how long a message can be replayed.
pub(crate) const TOLERANCE_SECONDS: i64 = 300;
/// What the shared key is used for here.
const PURPOSE: &str = "webhook";
/// Several signatures may stand in a header while a key is being changed; more than this is noise.
const CANDIDATES_MAX: usize = 4;

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Distrust {
    #[error("the signature header is missing or malformed")]
    Malformed,
    #[error("the signature's time is outside the tolerance of {TOLERANCE_SECONDS} s")]
    Stale,
    #[error("the signature does not fit the body")]
    Forged,
}

/// The header for a `body` sent at `seconds`.
pub(crate) fn sign(key: &SharedKey, seconds: i64, body: &[u8]) -> String {
    let mut mac = key.hmac(PURPOSE);
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    format!("t={seconds},v1={}", hex(&mac.finalize().into_bytes()))
}

/// Whether the holder of the key signed `body` not long before or after `now_seconds`. Takes the same time wherever a
/// wrong signature differs.
pub(crate) fn verify(key: &SharedKey, header: &str, body: &[u8], now_seconds: i64) -> Result<(), Distrust> {
    let mut seconds = None;
    let mut candidates = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => seconds = value.parse::<i64>().ok(),
            Some(("v1", value)) if candidates.len() < CANDIDATES_MAX => candidates.extend(parse_hex(value)),
            _ => {}
        }
    }
    let seconds = seconds.ok_or(Distrust::Malformed)?;
    if candidates.is_empty() {
        return Err(Distrust::Malformed);
    }
    let mut mac = key.hmac(PURPOSE);
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    if !candidates.iter().any(|candidate| mac.clone().verify_slice(candidate).is_ok()) {
        return Err(Distrust::Forged);
    }
    match seconds.abs_diff(now_seconds) <= TOLERANCE_SECONDS.unsigned_abs() {
        true => Ok(()),
        false => Err(Distrust::Stale),
    }
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let value = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    digits.chunks_exact(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_794_340_800;
    const BODY: &[u8] = br#"{"type":"checkout.session.completed"}"#;

    #[test]
    fn what_was_signed_is_believed_for_a_while() {
        let key = SharedKey::of(7);
        let header = sign(&key, NOW, BODY);
        assert_eq!(verify(&key, &header, BODY, NOW + TOLERANCE_SECONDS), Ok(()));
        assert_eq!(verify(&key, &header, BODY, NOW + TOLERANCE_SECONDS + 1), Err(Distrust::Stale));
        assert_eq!(verify(&key, &header, BODY, NOW - TOLERANCE_SECONDS - 1), Err(Distrust::Stale));
        assert_eq!(verify(&SharedKey::of(8), &header, BODY, NOW), Err(Distrust::Forged));
        let rotated = format!("t={NOW},v1={},{}", "0".repeat(64), header.split_once(',').unwrap().1);
        assert_eq!(verify(&key, &rotated, BODY, NOW), Ok(()));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let key = SharedKey::of(7);
        let header = sign(&key, NOW, BODY);
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify(&key, &header, &body, NOW), Err(Distrust::Forged), "bit {bit} of the body");
        }
        for place in 0..header.len() {
            let mut changed = header.clone().into_bytes();
            changed[place] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify(&key, &changed, BODY, NOW).is_err(), "byte {place} of the header: {changed}");
        }
    }

    #[test]
    fn a_foreign_header_is_malformed() {
        for header in ["", "t=", "v1=00", "t=1", "t=x,v1=y", &format!("t=1,v1={}", "é".repeat(32))] {
            assert_eq!(verify(&SharedKey::of(7), header, BODY, NOW), Err(Distrust::Malformed), "{header}");
        }
    }
}
