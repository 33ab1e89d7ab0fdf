//! Which partition of a stream a key belongs to.

use soiree_core::OrderingKey;

/// How many partitions a stream may have: each is a subject of the stream, and a consumer of each group.
pub(crate) const MAX_PARTITIONS: u32 = 256;

/// FNV-1a with 32 bits: what `partition` in the subject mappings of the NATS server is. **Never to be changed**: what was published stays where
/// it is.
pub(crate) fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// The partition of a key: that of its text, or of its digits.
pub(crate) fn of_key(key: &OrderingKey, partitions: u32) -> u32 {
    of_bytes(&text(key), partitions)
}

pub(crate) fn of_bytes(bytes: &[u8], partitions: u32) -> u32 {
    fnv1a(bytes) % partitions
}

/// The key without its kind, so that other programs can make the same of it.
fn text(key: &OrderingKey) -> Vec<u8> {
    let bytes = key.to_bytes();
    let number = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok();
    let text = bytes.split_first().and_then(|(kind, rest)| match kind {
        b'n' => Some(u128::from_be_bytes(number(rest)?).to_string().into_bytes()),
        b'm' => Some(i128::from_be_bytes(number(rest)?).to_string().into_bytes()),
        _ => Some(rest.to_vec()),
    });
    text.unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N11: a key keeps its partition, in every version and on every machine. The hashes are those of the reference of FNV.
    #[test]
    fn the_hash_of_a_key_never_changes() {
        for (text, hash) in [
            ("", 0x811c_9dc5),
            ("a", 0xe40c_292c),
            ("foobar", 0xbf9c_f968),
            ("chongo was here!\n", 0xd49930d5),
        ] {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
        }
        for (key, partition) in [
            (OrderingKey::from("ann"), of_bytes(b"ann", 8)),
            (OrderingKey::from(42_u8), of_bytes(b"42", 8)),
            (OrderingKey::from(-7_i64), of_bytes(b"-7", 8)),
            (OrderingKey::from(""), 0x811c_9dc5 % 8),
        ] {
            assert_eq!(of_key(&key, 8), partition, "{key:?}");
        }
    }

    /// N11: keys are spread: of a thousand, no partition of eight has more than twice its share.
    #[test]
    fn keys_are_spread_over_the_partitions() {
        let mut counts = [0; 8];
        for key in 0..1_000_u32 {
            counts[of_key(&OrderingKey::from(format!("account-{key}")), 8) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (60..250).contains(count)),
            "{counts:?}"
        );
    }
}
