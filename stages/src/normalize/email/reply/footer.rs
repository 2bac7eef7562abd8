//! What stands below a mail without its sender having written it: signatures, what telephones and programs add, disclaimers.
//!
//! Only the end of a text is looked at, and only short ends; in doubt it stays.

use std::sync::LazyLock;

use regex::Regex;

use super::{Line, lines};
use crate::normalize::html::SIGNATURE;

/// Most lines of a signature.
const MAX_SIGNATURE_LINES: usize = 25;
const MAX_SIGNATURE_BYTES: usize = 3000;

/// A line that a telephone or a program adds; short, and the last words of the mail.
static DEVICE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^[^\p{L}]{0,3}(",
        r"(sent|typed|written) (from|via|with|by|using|through) (my |the |a )?.{2,60}|sent on the go.{0,40}",
        r"|(von|mit|über) (meinem?r? )?.{2,50} (gesendet|gesandt|verfasst)|(gesendet|verfasst|diese nachricht wurde) (von|mit|über) .{2,50}",
        r"|envoyé (de(puis)?|à partir de|avec|via) .{2,60}|(enviado|enviada|escrito) (desde|de|do|da|con|com|a partir d[oe]|via|pelo) .{2,60}",
        r"|inviato (da|dal|dall['’]|con|tramite) ?.{2,60}|(verstuurd|verzonden) (vanaf|met|via|vanuit) .{2,60}",
        r"|(skickat|skickades) (från|med|via) .{2,50}|sendt (fra|via|med) .{2,50}|lähetetty .{2,50}|skickat från .{2,50}",
        r"|wysłan[eoy] (z|ze|za pomocą) .{2,50}|(odesláno|posláno|odoslané) (z|ze|zo) .{2,50}|(poslano|poslato) (s|sa|z) .{2,50}",
        r"|(az én |)iphone.{0,20}(küldtem|küldve)|elküldve .{2,50}|trimis (de pe|de la|din) .{2,50}",
        r"|(отправлено|надіслано|отправено|изпратено|послано) (с|со|из|з|із|от|через) .{2,60}",
        r"|.{2,50}(ımdan|umdan|imden|ümden|dan|den) gönderildi|στάλθηκε από .{2,50}|נשלח מ.{2,50}|(تم الإرسال|أرسلت|أُرسلت|مرسل) من .{2,50}",
        r"|मेरे .{2,30} से भेजा.{0,20}|dikirim dari .{2,50}|(đã )?gửi từ .{2,50}|(ส่งจาก|ส่งด้วย).{2,40}",
        r"|.{0,20}(iphone|ipad|android|スマートフォン|ガラケー|outlook)から送信.{0,10}|(从|從|發自|发自|用).{1,20}(iphone|ipad|手机|手機|android|outlook|邮箱|郵箱).{0,12}",
        r"|.{0,12}(iphone|ipad|휴대폰|스마트폰|갤럭시|galaxy).{0,6}에서 (보냄|전송).{0,6}",
        r"|(get|download) outlook for .{2,80}|outlook für .{2,20} (beziehen|herunterladen).{0,80}|(télécharger|obtenir) outlook pour .{2,80}",
        r"|(obtener|descargar|obter|baixe o|baixar o) outlook para .{2,80}|(scarica|ottieni) outlook per .{2,80}|outlook voor .{2,20} downloaden.{0,60}",
        r"|(hämta|hent|hanki|pobierz|získat|скачать|получить|завантажити) outlook .{2,80}|outlook.{0,12}(を入手|获取|下载).{0,60}",
        r"|virus-free\.?( .{0,80})?|virenfrei\.?( .{0,80})?|(this email|diese e-mail) (has been checked|wurde) .{2,80}avast.{0,80}|www\.avast\.com.{0,40}",
        r"|yahoo mail: .{2,80}|sent with proton ?mail.{0,60}|sent from proton ?mail.{0,60}",
        r")$",
    ))
    .expect("the pattern is a constant, and a test compiles it")
});

/// How disclaimers begin; all that follows belongs to them.
static DISCLAIMER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^[^\p{L}]{0,6}(",
        r"(confidentiality|legal|privacy|email|e-mail) (notice|disclaimer|note)\b|disclaimer\s*:|confidential\s*:",
        r"|this (e-?mail|message|communication|transmission)( message)?( and|,| \(| is| may| contains|'s)[^.]{0,160}(confidential|intended|privileged)",
        r"|the (information|contents?) (contained )?(in|of) this (e-?mail|message|communication)",
        r"|(please )?(consider|think of) the environment before printing|if you are not the intended recipient",
        r"|(diese|der inhalt dieser) (e-?mail|nachricht)[^.]{0,120}(vertraulich|bestimmt)|vertraulichkeitshinweis",
        r"|bitte (denken|prüfen) sie[^.]{0,60}(umwelt|ausdruck)",
        r"|(ce|cet|le présent) (message|e-?mail|courriel|courrier)[^.]{0,120}(confidentiel|destiné|exclusif)|avis de confidentialité",
        r"|(este|el presente) (mensaje|correo|e-?mail)[^.]{0,160}(confidencial|dirigid)|aviso (legal|de confidencialidad)",
        r"|(questo|il presente|le informazioni contenute in questo) (messaggio|e-?mail)[^.]{0,160}(riservat|confidenzial|destinat)",
        r"|(esta|a presente) (mensagem|comunicação)[^.]{0,160}(confidencia|destina)|aviso de confidencialidade",
        r"|(dit|de inhoud van dit) (e-?mail)?bericht[^.]{0,120}(vertrouwelijk|bestemd)|niniejsz[ay][^.]{0,120}poufn",
        r"|(это|данное|настоящее) (сообщение|письмо)[^.]{0,160}(конфиденциальн|предназначен)",
        r")",
    ))
    .expect("the pattern is a constant, and a test compiles it")
});

/// Where the footer of a text begins.
pub(super) fn cut(text: &str) -> Option<usize> {
    let lines = lines(text);
    let mut end = lines.len();
    // From the end upward, so that a device's line below a disclaimer hides neither.
    while let Some(begin) = lines.get(..end).and_then(footer) {
        end = begin;
    }
    (end < lines.len()).then(|| lines.get(end).map(|line| line.begin))?
}

/// Whether lines are nothing but a footer.
pub(super) fn is_footer(lines: &[Line<'_>]) -> bool {
    let mut end = lines.len();
    while let Some(begin) = lines.get(..end).and_then(footer) {
        end = begin;
    }
    let head = lines.get(..end).unwrap_or_default();
    head.iter().all(Line::is_blank)
}

/// The line where a footer begins that runs to the end of these lines.
fn footer(lines: &[Line<'_>]) -> Option<usize> {
    let last = lines.iter().rposition(|line| !line.is_blank())?;
    if lines
        .get(last)
        .is_some_and(|line| DEVICE.is_match(&line.text) && line.text.len() <= 160)
    {
        return Some(last);
    }
    let from = last.saturating_sub(MAX_SIGNATURE_LINES);
    (from..=last).find(|at| {
        let size = || {
            let (Some(first), Some(end)) = (lines.get(*at), lines.get(last)) else {
                return usize::MAX;
            };
            (end.begin + end.whole.len()).saturating_sub(first.begin)
        };
        lines.get(*at).is_some_and(|line| {
            let quoted = lines
                .get(*at..)
                .is_some_and(|rest| rest.iter().any(Line::is_quoted));
            let signs =
                matches!(line.text.as_str(), "--" | "—" | "– –") || line.whole.contains(SIGNATURE);
            !quoted && ((signs && size() <= MAX_SIGNATURE_BYTES) || DISCLAIMER.is_match(&line.text))
        })
    })
}
