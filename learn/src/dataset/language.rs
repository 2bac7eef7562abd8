//! The languages of data, as models know them.
//!
//! Models are told a text's language by its ISO 639-1 code, or its ISO 639-3 code where there is no shorter one. Data says
//! it in many ways.

/// ISO 639-3 and ISO 639-1, and what is written for some languages instead: codes of a macrolanguage's usual member,
/// ISO 639-2/B, and codes of countries that public data uses.
const CODES: &str = "aar:aa abk:ab afr:af aka:ak twi:ak amh:am ara:ar arb:ar arg:an asm:as ava:av ave:ae aym:ay aze:az azj:az \
    bak:ba bam:bm bel:be ben:bn bis:bi bod:bo tib:bo bos:bs bre:br bul:bg cat:ca ces:cs cze:cs cha:ch che:ce chu:cu \
    chv:cv cor:kw cos:co cre:cr cym:cy wel:cy dan:da deu:de ger:de div:dv dzo:dz ell:el gre:el eng:en epo:eo est:et \
    ekk:et eus:eu baq:eu ewe:ee fao:fo fas:fa pes:fa per:fa fij:fj fin:fi fra:fr fre:fr fry:fy ful:ff gla:gd gle:ga \
    glg:gl glv:gv grn:gn guj:gu hat:ht hau:ha heb:he iw:he her:hz hin:hi hmo:ho hrv:hr hun:hu hye:hy arm:hy ibo:ig \
    ido:io iii:ii iku:iu ile:ie ina:ia ind:id in:id ipk:ik isl:is ice:is ita:it jav:jv jpn:ja kal:kl kan:kn kas:ks \
    kat:ka geo:ka kau:kr kaz:kk khm:km kik:ki kin:rw kir:ky kom:kv kon:kg kor:ko kua:kj kur:ku kmr:ku lao:lo lat:la \
    lav:lv lvs:lv lim:li lin:ln lit:lt ltz:lb lub:lu lug:lg mah:mh mal:ml mar:mr mkd:mk mac:mk mlg:mg plt:mg mlt:mt \
    mon:mn khk:mn mri:mi mao:mi msa:ms may:ms zsm:ms mya:my bur:my nau:na nav:nv nbl:nr nde:nd ndo:ng nep:ne npi:ne \
    nld:nl dut:nl nno:nn nob:nb no:nb nor:nb nya:ny oci:oc oji:oj ori:or ory:or orm:om oss:os pan:pa pli:pi pol:pl \
    por:pt ptbr:pt ptmz:pt pus:ps que:qu roh:rm ron:ro rum:ro run:rn rus:ru sag:sg san:sa sin:si slk:sk slo:sk slv:sl \
    sme:se smo:sm sna:sn snd:sd som:so sot:st spa:es esp:es sqi:sq alb:sq als:sq srd:sc srp:sr ssw:ss sun:su swa:sw \
    swh:sw swe:sv tah:ty tam:ta tat:tt tel:te tgk:tg tgl:tl fil:tl tha:th tir:ti ton:to tsn:tn tso:ts tuk:tk tur:tr \
    uig:ug ukr:uk urd:ur uzb:uz uzn:uz ven:ve vie:vi vol:vo wln:wa wol:wo xho:xh yid:yi ydd:yi ji:yi yor:yo zha:za \
    zho:zh cmn:zh chi:zh chn:zh zul:zu \
    arabic:ar english:en french:fr german:de hindi:hi italian:it portuguese:pt spanish:es chinese:zh japanese:ja \
    korean:ko russian:ru dutch:nl polish:pl turkish:tr ukrainian:uk swedish:sv";

/// The code by which models know a language: ISO 639-1 where there is one. Of a tag like `pt-BR` the language counts; what
/// is no language is given back in lower case.
#[must_use]
pub fn code(language: &str) -> String {
    let lower = language.trim().to_ascii_lowercase();
    let primary = lower.split(['-', '_']).next().unwrap_or_default();
    let known = CODES.split_ascii_whitespace().find_map(|pair| {
        let (from, to) = pair.split_once(':')?;
        (from == primary).then_some(to)
    });
    known.unwrap_or(primary).to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn languages_are_known_by_their_shortest_code() {
        for (written, known) in [
            ("de", "de"),
            ("DEU", "de"),
            ("ger", "de"),
            ("pt-BR", "pt"),
            ("ptmz", "pt"),
            ("zh_Hant", "zh"),
            ("arabic", "ar"),
            ("vmw", "vmw"),
            ("und", "und"),
            ("", ""),
        ] {
            assert_eq!(code(written), known, "{written}");
        }
    }

    #[test]
    fn the_table_is_a_function_onto_short_codes() {
        let mut seen = BTreeMap::new();
        for pair in CODES.split_ascii_whitespace() {
            let (from, to) = pair.split_once(':').unwrap();
            assert_eq!(to.len(), 2, "{pair}");
            assert_eq!(seen.insert(from, to), None, "{pair}");
        }
        // ISO 639-1 has 183 codes; Serbo-Croatian's is withdrawn, and Moldavian and Bihari have none of their own.
        let short: std::collections::BTreeSet<_> = seen.values().collect();
        assert!(short.len() >= 180, "{}", short.len());
    }
}
