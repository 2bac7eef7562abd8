//! Digests in hex digits.

/// Lower-case digits.
pub(super) fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| {
        DIGITS
            .get(usize::from(four))
            .map_or('0', |c| char::from(*c))
    };
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(encode(&[0, 9, 0xab, 0xff]), "0009abff");
    }
}
