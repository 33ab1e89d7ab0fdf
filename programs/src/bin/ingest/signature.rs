//! Signatures of bodies: `sha256=` and the HMAC-SHA256 in hex.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const PREFIX: &str = "sha256=";

/// Whether the signature is that of the body. Takes as long for a wrong one as for the right one.
pub(crate) fn is_valid(secret: &[u8], body: &[u8], signature: &str) -> bool {
    let given = signature.strip_prefix(PREFIX).and_then(from_hex);
    given.is_some_and(|given| mac(secret, body).verify_slice(&given).is_ok())
}

/// As a sender does it.
pub(crate) fn sign(secret: &[u8], body: &[u8]) -> String {
    let bytes = mac(secret, body).finalize().into_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{hex}")
}

fn mac(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(secret).expect("HMAC takes keys of every length");
    mac.update(body);
    mac
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || text.len() % 2 != 0 {
        return None;
    }
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
