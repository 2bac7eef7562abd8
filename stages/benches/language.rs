//! How long finding a text's language takes: `cargo bench -p stages --bench language`.
//!
//! Sentences of the length that people write to customer service, and single words; the built-in way beside whatlang. The
//! fastest of several rounds: the others were disturbed.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement needs a clock and says its result"
)]

use std::{hint::black_box, time::Instant};

use stages::{
    language::native,
    model::{Classifier, Document},
};

const ROUNDS: u32 = 400;

const SENTENCES: [&str; 8] = [
    "Hello, I ordered two lamps last week and one of them arrived broken, how can I send it back?",
    "Guten Tag, meine Bestellung ist noch nicht angekommen, können Sie bitte nachsehen, wo sie bleibt?",
    "Bonjour, je voudrais savoir quand ma commande sera livrée, cela fait déjà deux semaines.",
    "Hola, quisiera cambiar la dirección de entrega de mi pedido antes de que salga del almacén.",
    "Dzień dobry, chciałbym zwrócić buty, które kupiłem w zeszłym tygodniu, bo są za małe.",
    "Здравствуйте, курьер не приехал, хотя обещали доставить ещё вчера, что мне теперь делать?",
    "Selam, geçen hafta verdiğim sipariş hâlâ gelmedi, ne zaman geleceğini öğrenebilir miyim?",
    "Xin chào, tôi muốn hỏi khi nào đơn hàng của tôi sẽ được giao, tôi đã đợi hai tuần rồi.",
];
const WORDS: [&str; 8] = [
    "thanks",
    "Bestellung",
    "merci beaucoup",
    "gracias",
    "dziękuję",
    "спасибо",
    "teşekkürler",
    "cảm ơn",
];

fn main() {
    let native = native().expect("a model of languages is built in");
    println!(
        "{}: {:.2} MB",
        native.id(),
        native.size_bytes() as f64 / 1e6
    );
    let whatlang = whatlang::Detector::new();
    for (name, texts) in [("sentences", SENTENCES), ("a word or two", WORDS)] {
        let letters: usize = texts.iter().map(|text| text.chars().count()).sum();
        println!("{name}, {} characters each", letters / texts.len());
        say("built in", &texts, |text| {
            black_box(native.classify(&[&Document::new(text, None)]));
        });
        say("whatlang", &texts, |text| {
            black_box(whatlang.detect(text));
        });
    }
}

fn say(name: &str, texts: &[&str], mut detect: impl FnMut(&str)) {
    let rounds = (0..ROUNDS).map(|_| {
        let begin = Instant::now();
        for text in texts {
            detect(black_box(text));
        }
        begin.elapsed().as_secs_f64() / texts.len() as f64
    });
    let fastest = rounds.fold(f64::INFINITY, f64::min);
    println!(
        "  {name:<10} {:7.2} µs/text, {:7.0} texts/s",
        fastest * 1e6,
        1.0 / fastest
    );
}
