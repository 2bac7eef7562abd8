//! The most common words of a few languages.
//!
//! A word counts for each language that has it, the less the more languages share it. The language
//! that is ahead wins when it is far enough ahead and enough words speak for it.

use std::{collections::HashMap, sync::LazyLock};

use schemas::Language;

use super::LanguageModel;

/// Below this the words leave it open.
const MIN_CONFIDENCE: f32 = 0.65;

const WORDS: [(&str, &str); 14] = [
    (
        "en",
        "a back like call get the and is are you i my to of in it that this for with have has not what where when \
         how please thanks thank hello would could can will we was be do does am your they \
         from about which who why there an me need want help",
    ),
    (
        "de",
        "hilfe noch der die das und ist sind ich mein meine meiner meinen nicht ein eine einen zu zum \
         zur mit für auf von wo wann wie was habe haben hat kann können bitte danke hallo \
         guten wir sie es im den dem bei noch auch wird werden wurde aber oder ihr ihre uns \
         mir mich sehr schon keine kein in am an als um seit vielen brauche",
    ),
    (
        "fr",
        "a c possible plaît le la les un une des du de et est je vous nous mon ma mes ne pas pour que qui où \
         quand avec dans sur ce cette bonjour merci suis ai avez bien il elle sont été plus \
         votre sera au aux voudrais comment qu j en mais y reçu",
    ),
    (
        "es",
        "a ayuda el la los las un una y es en que de mi no por para con cuándo dónde cómo está hola \
         gracias favor quiero quisiera tengo muy pero lo se su al del necesito ha he más \
         puede son este esta qué usted muchas me le",
    ),
    (
        "it",
        "a di cambiare il lo la gli le un una e è di che mi non per con dove quando come sono ho ha \
         buongiorno grazie ciao vorrei questo questa del della mio mia si nel alla molto più \
         anche posso avete ma mille",
    ),
    (
        "pt",
        "com ajuda o a os as um uma e é de que não por para com onde quando como está olá obrigado \
         obrigada meu minha do da no na eu tenho muito mas você preciso gostaria dos ao em \
         foi mais seu se",
    ),
    (
        "nl",
        "hulp de het een en is ik niet van mijn met voor op waar wanneer hoe wat heb hebben kan \
         graag hallo dank bedankt wij we zijn dat deze aan bij nog ook maar naar er mij u \
         jullie wordt nodig in was",
    ),
    (
        "sv",
        "vill och är jag inte det en ett min mitt med för på var när hur vad har kan tack hej vi \
         som av till den att om hon han skulle ni från men mycket mig",
    ),
    (
        "da",
        "og er jeg ikke det en et min mit med for på hvor hvornår hvordan hvad har kan tak \
         hej vi som af til den at om fra men meget skal vil mig",
    ),
    (
        "nb",
        "og er jeg ikke det en et min mitt med for på hvor når hvordan hva har kan takk hei \
         vi som av til den at om fra men mye skal vil meg",
    ),
    (
        "pl",
        "o a i w nie jest się na to z do że mój moje moja gdzie kiedy jak co mam proszę dziękuję \
         dzień dobry cześć czy mi za dla od są ale był już tak",
    ),
    (
        "tr",
        "ve bir bu için ne nerede ben benim siz yok değil mi çok merhaba teşekkürler \
         lütfen nasıl zaman ile da de ama daha olarak istiyorum",
    ),
    (
        "ru",
        "и в не на я что с это где когда как мой моя пожалуйста спасибо здравствуйте привет у \
         меня вы мы он она но по из за есть был для мне к уже ещё",
    ),
    (
        "uk",
        "і в не на я що з це де коли як мій моя моє будь ласка дякую вітаю привіт у мене ви \
         ми він вона але та є був для мені до чи вже",
    ),
];

/// For each word the languages that have it, one bit each.
static LANGUAGES: LazyLock<HashMap<&str, u16>> = LazyLock::new(|| {
    let mut languages = HashMap::new();
    for (place, (_, words)) in WORDS.iter().enumerate() {
        for word in words.split_whitespace() {
            *languages.entry(word).or_default() |= 1 << place;
        }
    }
    languages
});

/// The model.
pub struct CommonWords;

impl LanguageModel for CommonWords {
    fn detect(&self, text: &str) -> Option<Language> {
        let mut scores = [0.0_f32; WORDS.len()];
        let text = text.to_lowercase();
        let words = text.split(|c: char| !c.is_alphabetic());
        for of in words.filter_map(|word| LANGUAGES.get(word)) {
            let weight = 1.0 / f32::from(u8::try_from(of.count_ones()).unwrap_or(u8::MAX));
            for (place, score) in scores.iter_mut().enumerate() {
                if of & (1 << place) != 0 {
                    *score += weight;
                }
            }
        }
        let (mut best, mut second, mut code) = (0.0_f32, 0.0_f32, "");
        for (score, (name, _)) in scores.into_iter().zip(WORDS) {
            if score > best {
                (second, best, code) = (best, score, name);
            } else if score > second {
                second = score;
            }
        }
        if best <= 0.0 {
            return None;
        }
        // How far ahead, and how much is known at all.
        let confidence = (1.0 - second / best) * (1.0 - 1.0 / (1.0 + best * best));
        (confidence >= MIN_CONFIDENCE).then(|| Language {
            code: code.to_owned(),
            iso639_3: String::new(),
            confidence,
            model: "common-words".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_words_of_its_own() {
        for (place, (code, _)) in WORDS.iter().enumerate() {
            let own = LANGUAGES.values().filter(|of| **of == 1 << place).count();
            assert!(own >= 4, "{code} has {own}");
        }
    }

    #[test]
    fn what_languages_share_decides_nothing() {
        assert_eq!(CommonWords.detect("la de en"), None);
        assert_eq!(CommonWords.detect("min har kan vi som"), None);
    }
}
