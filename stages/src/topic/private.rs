//! Words that could tell who somebody is.
//!
//! Key phrases go to lists and statistics, where no name, password or postal address belongs. Without a model of names
//! the words around them give them away: an introduction, a salutation, a label with a colon, a closing line, a street
//! with a number. What looks like one is left out; a topic lost is cheaper than a name shown. Deliberately absent: names
//! without such words around them, which a recogniser of entities has to find.

use std::{collections::HashMap, sync::LazyLock};

use crate::{
    hash::Fnv,
    word::{Gap, Word, Words, folded, is_upper},
};

/// What is said before a name, in folded words.
const INTRODUCTIONS: &str = "my name is|name is|ich heiße|mein name ist|je m appelle|mon nom est|me llamo|mi nombre es|mi chiamo|\
    il mio nome è|meu nome é|me chamo|mijn naam is|ik heet|nazywam się|mam na imię|меня зовут|мое имя|мене звати|\
    jag heter|mitt namn är|jeg hedder|mit navn er|jeg heter|mitt navn er|nimeni on|jmenuji se|adım|ismim|اسمي|मेरा नाम";
/// Words after which a capital letter begins a name.
const SALUTATIONS: &str = "hi hello hey dear mr mrs ms miss dr prof sir hallo liebe lieber geehrte geehrter herr herrn frau moin \
    servus grüezi bonjour salut bonsoir cher chère monsieur madame mme hola estimado estimada señor señora sr sra \
    querido querida ciao buongiorno salve gentile signor signora egregio olá oi prezado prezada caro cara senhor \
    senhora beste geachte heer mevrouw dag cześć szanowny szanowna pan pani witaj здравствуйте привет уважаемый \
    уважаемая дорогой дорогая добрый привіт шановний шановна пан пані hej kära käre bäste kære hei heisann kjære hyvä \
    ahoj vážený vážená pane paní sayın merhaba selam";
/// Words with which a letter ends, before the name.
const CLOSINGS: &str = "regards sincerely faithfully cheers greetings grüße grüßen gruß mfg lg vg cordialement salutations bisous \
    saludos atentamente abrazo saluti cordialmente atenciosamente cumprimentos abraço abraços groet groeten \
    pozdrawiam поважанням уважением повагою hälsningar hälsning mvh hilsen hilsener terveisin pozdravem saygılarımla \
    saygılar";
/// Words of thanks, which may stand before a name, too.
const THANKS: &str = "thanks thank thx danke dank merci gracias grazie obrigado obrigada bedankt dzięki dziękuję спасибо дякую \
    tack tak takk kiitos díky děkuji teşekkürler";
/// What has a value after it that concerns nobody.
const LABELS: &str = "password passwort kennwort passcode pin puk login username benutzername contraseña clave senha wachtwoord \
    gebruikersnaam hasło пароль логин логін lösenord adgangskode passord salasana heslo şifre parola mdp passe identifiant \
    address adresse dirección indirizzo endereço adres адрес адреса adress osoite adresa birthday geburtsdatum ssn cpf dni \
    nif codice tckn iban bic swift";
/// What has a value after a colon that concerns nobody.
const FIELDS: &str = "name vorname nachname nom prénom nombre apellido apellidos nome cognome sobrenome naam imię nazwisko имя \
    фамилия фио ім'я прізвище namn navn nimi jméno ad isim soyad user usuario usuário";
/// What may stand between a label and its value.
const COPULAS: &str = "is was are ist lautet war est es era è sono é is jest to это це är er on je";
/// Words of a street, when a number stands near.
const STREETS: &str = "street st road rd avenue ave lane ln drive dr boulevard blvd court square straße str strasse weg platz gasse \
    allee ring rue chemin place impasse calle avenida plaza via viale piazza corso rua travessa straat laan plein ulica \
    ul aleja улица ул проспект пр вулиця вул провулок gatan vägen vej gade gate vei katu tie náměstí ulice cadde caddesi \
    sokak mahallesi";
const STREET_ENDINGS: [&str; 10] = [
    "strasse", "straat", "gasse", "allee", "gatan", "vagen", "gade", "vej", "katu", "veien",
];
/// Longest name, in words.
const NAME_WORDS: usize = 4;
/// Longest that stands below a letter: a name, a company, a place.
const SIGNATURE_WORDS: usize = 8;

const SALUTATION: u8 = 1;
const CLOSING: u8 = 2;
const THANK: u8 = 4;
const LABEL: u8 = 8;
const FIELD: u8 = 16;
const COPULA: u8 = 32;
const STREET: u8 = 64;
/// An introduction begins with it.
const INTRODUCTION: u8 = 128;

/// What each word is, as bits.
static CUES: LazyLock<HashMap<String, u8, Fnv>> = LazyLock::new(|| {
    let mut cues: HashMap<String, u8, Fnv> = HashMap::default();
    for (words, bit) in [
        (SALUTATIONS, SALUTATION),
        (CLOSINGS, CLOSING),
        (THANKS, THANK),
        (LABELS, LABEL),
        (FIELDS, FIELD),
        (COPULAS, COPULA),
        (STREETS, STREET),
    ] {
        for word in words.split_whitespace() {
            *cues.entry(folded(word)).or_default() |= bit;
        }
    }
    for words in INTRODUCTIONS.split('|') {
        if let Some(first) = words.split_whitespace().next() {
            *cues.entry(folded(first)).or_default() |= INTRODUCTION;
        }
    }
    cues
});

static INTRODUCED_BY: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let cues = INTRODUCTIONS.split('|');
    cues.map(|words| words.split_whitespace().map(folded).collect())
        .collect()
});

fn cue(folded: &str) -> u8 {
    CUES.get(folded).copied().unwrap_or_default()
}

/// For each word whether it is to be left out.
pub(super) fn hidden(text: &str, words: &Words<'_>) -> Vec<bool> {
    let all = &words.words;
    let mut hidden = vec![false; all.len()];
    for (at, word) in all.iter().enumerate() {
        let cues = cue(words.folded(word));
        if cues & INTRODUCTION != 0
            && let Some(after) = introduced(words, at)
        {
            hide(&mut hidden, all, after, NAME_WORDS, |next| {
                next.gap < Gap::Clause
            });
        }
        if cues & SALUTATION != 0 {
            hide(&mut hidden, all, at + 1, NAME_WORDS, |next| {
                next.gap < Gap::Clause && (is_capital(next) || is_salutation(words, next))
            });
            // "Mr. Smith": the full stop ends no sentence.
            if word.text.len() <= 3 && ends_with(text, word, all.get(at + 1), ". ") {
                hide(&mut hidden, all, at + 1, 2, is_capital);
            }
        }
        let next = all.get(at + 1);
        let label = cues & LABEL != 0;
        let said = label
            && next.is_some_and(|next| {
                next.gap < Gap::Clause && cue(words.folded(next)) & COPULA != 0
            });
        let field = label || cues & FIELD != 0;
        if said || (field && between(text, word, next).contains([':', '='])) {
            hide(&mut hidden, all, at + 1, usize::MAX, |next| {
                next.gap < Gap::Sentence
            });
        }
        if cues & CLOSING != 0 && all.len() - at <= SIGNATURE_WORDS + 1 {
            hide(&mut hidden, all, at + 1, usize::MAX, |_| true);
        }
        let left = all.len() - at - 1;
        if cues & THANK != 0
            && (1..NAME_WORDS).contains(&left)
            && all.iter().skip(at + 1).all(is_capital)
        {
            hide(&mut hidden, all, at + 1, left, |_| true);
        }
        if is_street(words, word, cues)
            && all
                .iter()
                .skip(at.saturating_sub(3))
                .take(7)
                .any(|near| near.has_digit)
        {
            let from = all
                .iter()
                .take(at + 1)
                .rposition(|word| word.gap == Gap::Sentence);
            let from = from.unwrap_or_default();
            if let Some(first) = hidden.get_mut(from) {
                *first = true;
            }
            hide(&mut hidden, all, from + 1, usize::MAX, |next| {
                next.gap < Gap::Sentence
            });
        }
    }
    hidden
}

/// Hides words from place `from` on, `most` of them, while they belong.
fn hide(
    hidden: &mut [bool],
    words: &[Word<'_>],
    from: usize,
    most: usize,
    belongs: impl Fn(&Word<'_>) -> bool,
) {
    let places = hidden.iter_mut().zip(words).skip(from).take(most);
    for (hidden, word) in places {
        if !belongs(word) {
            break;
        }
        *hidden = true;
    }
}

/// The place after an introduction that begins here.
fn introduced(words: &Words<'_>, at: usize) -> Option<usize> {
    let begins = |cue: &&Vec<String>| {
        let said = words.words.iter().skip(at).map(|word| words.folded(word));
        cue.iter().map(String::as_str).eq(said.take(cue.len()))
    };
    let said = INTRODUCED_BY.iter().find(begins)?;
    Some(at + said.len())
}

fn is_salutation(words: &Words<'_>, word: &Word<'_>) -> bool {
    cue(words.folded(word)) & SALUTATION != 0
}

fn is_street(words: &Words<'_>, word: &Word<'_>, cues: u8) -> bool {
    let name = words.folded(word);
    let spelled = cues & STREET != 0 && (is_capital(word) || !name.is_ascii());
    spelled || (name.len() > 7 && STREET_ENDINGS.iter().any(|ending| name.ends_with(ending)))
}

fn is_capital(word: &Word<'_>) -> bool {
    word.text.chars().next().is_some_and(is_upper)
}

/// What stands between a word and the next, or after the last.
fn between<'a>(text: &'a str, word: &Word<'_>, next: Option<&Word<'_>>) -> &'a str {
    let end = next.map_or(text.len(), |next| next.start);
    text.get(word.start + word.text.len()..end)
        .unwrap_or_default()
}

fn ends_with(text: &str, word: &Word<'_>, next: Option<&Word<'_>>, gap: &str) -> bool {
    next.is_some() && between(text, word, next) == gap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_who_somebody_is_is_hidden() {
        for (text, left) in [
            (
                "My name is anna schmidt, the lamp broke",
                "My name is the lamp broke",
            ),
            ("Dear Mr. John Smith, lamp", "Dear lamp"),
            ("Hi Anna Maria, lamp", "Hi lamp"),
            ("hi lamp", "hi lamp"),
            (
                "Sehr geehrte Frau Müller, die Lampe",
                "Sehr geehrte die Lampe",
            ),
            ("lamp\nKind regards\nanna smith", "lamp Kind regards"),
            ("lamp\nThanks, Anna", "lamp Thanks"),
            ("Thanks for the lamp", "Thanks for the lamp"),
            ("my password is hunter of lamps. ok", "my password ok"),
            ("Passwort: geheim wort\nLampe", "Passwort Lampe"),
            ("Name: Anna Schmidt\nLampe", "Name Lampe"),
            ("lamp. I live at 12 Baker Street, London. ok", "lamp ok"),
            ("Lampe. Bahnhofstraße 12, Wien. ja", "Lampe ja"),
            ("the street is dark, 2 lamps", "the street is dark 2 lamps"),
            ("меня зовут Анна, лампа", "меня зовут лампа"),
        ] {
            let words = Words::of(text);
            let hidden = hidden(text, &words);
            let kept = words
                .words
                .iter()
                .zip(&hidden)
                .filter(|(_, hidden)| !**hidden);
            let kept: Vec<&str> = kept.map(|(word, _)| word.text).collect();
            assert_eq!(kept.join(" "), left, "{text}");
        }
    }
}
