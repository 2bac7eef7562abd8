//! `tidings bench understand`: everything that is found out about a message, without a hub: language, sentiment,
//! emotions, intent, entities, topics and priority, text after text on one core each.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::ensure;
use clap::Args;
use hdrhistogram::Histogram;
use learn::dataset;
use serde_json::json;

use crate::{cli::print, model::Whole};

/// Messages of about a hundred characters, as people write them.
const TEXTS: [&str; 10] = [
    "Hello, I ordered two lamps last week (order #48213) and one of them arrived with broken glass, what now?",
    "Guten Tag, meine Rechnung vom 12. März stimmt nicht, Sie haben mir 49,90 € zu viel berechnet. Bitte prüfen!",
    "hi can u pls tell me where my parcel is?? its been 9 days and the tracking page still says in transit :(",
    "Bonjour, je n'arrive plus à me connecter à mon compte depuis ce matin, le mot de passe est refusé à chaque fois.",
    "Quiero cancelar mi suscripción antes del próximo cobro, por favor confirmen a maria.lopez@example.org, gracias",
    "Thanks so much for the quick help yesterday, everything works perfectly now and the kids love the new tablet!",
    "Здравствуйте, когда вы сможете вернуть деньги за отменённый заказ? Прошло уже больше двух недель.",
    "Call me back on +44 20 7946 0958 after 3 pm tomorrow, the app crashes each time I open the invoices page",
    "Buongiorno, vorrei sapere se la giacca blu taglia M è di nuovo disponibile nel negozio di Torino e a che prezzo.",
    "我上周买的耳机左边没有声音了，请问可以换货吗？订单号是 20261103，希望尽快回复，谢谢。",
];

/// How to measure.
#[derive(Clone, Debug, Args)]
pub(crate) struct UnderstandOptions {
    /// Texts of your own: .jsonl, .csv or .tsv files as for `tidings train`, separated by commas.
    #[arg(long, value_name = "FILES")]
    data: Option<String>,
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Only the line of JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &UnderstandOptions) -> anyhow::Result<()> {
    let texts: Vec<String> = match &options.data {
        Some(files) => dataset::read(files)?
            .examples
            .into_iter()
            .map(|example| example.text)
            .collect(),
        None => TEXTS.iter().map(|text| (*text).to_owned()).collect(),
    };
    ensure!(!texts.is_empty(), "there are no texts");
    let whole = Whole::new(None, None)?;
    // What is made once: tables, models, numbering plans.
    for text in texts.iter().take(1000) {
        black_box(whole.understand(text)?);
    }
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let started = Instant::now();
    let mut count = 0u64;
    while Instant::now() < end {
        for text in &texts {
            let one = Instant::now();
            black_box(whole.understand(text)?);
            histogram
                .saturating_record(u64::try_from(one.elapsed().as_nanos()).unwrap_or(u64::MAX));
            count += 1;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a bench fit a double exactly"
    )]
    let (per_s, chars, at) = (
        count as f64 / seconds,
        texts.iter().map(|text| text.chars().count()).sum::<usize>() as f64 / texts.len() as f64,
        |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1000.0,
    );
    if !options.json {
        print(&format!(
            "{count} texts of {chars:.0} characters in the mean: {per_s:.0} texts/s on one core; p50 {:.0} µs, p99 {:.0} µs\n",
            at(0.5),
            at(0.99),
        ))?;
    }
    let line = json!({
        "bench": "understand", "texts": count, "mean_chars": chars, "seconds": seconds, "texts_per_s": per_s,
        "messages_per_s": per_s, "us": {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "p99_9": at(0.999)},
    });
    print(&format!("{line}\n"))
}
