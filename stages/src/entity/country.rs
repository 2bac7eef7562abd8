//! Countries, by their two letters (ISO 3166-1).

/// Every assigned code, in order, two letters each.
const CODES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCU\
CVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJE\
JMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZ\
OMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUG\
UMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW";

/// Whether a country has this code, in capitals.
pub(super) fn is_country(code: &str) -> bool {
    code.len() == 2
        && CODES
            .as_bytes()
            .chunks_exact(2)
            .any(|known| known == code.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_249() {
        assert_eq!(CODES.len() / 2, 249);
        let sorted: Vec<_> = CODES.as_bytes().chunks_exact(2).collect();
        assert!(sorted.is_sorted());
        assert!(is_country("DE") && is_country("AD") && is_country("ZW"));
        assert!(!is_country("DD") && !is_country("UK") && !is_country("D"));
    }
}
