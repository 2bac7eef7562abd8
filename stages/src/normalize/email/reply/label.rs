//! Lines that stand above an earlier mail: "Original Message", and the head of that mail as programs copy it.

use std::sync::LazyLock;

use regex::Regex;

use super::Line;

/// "Original message" between dashes, as programs call it, and "Ann wrote" between them (Notes).
static DIVIDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^[-_*=]{2,}\s*(original (e-?mail )?message|reply message|ursprüngliche (nachricht|e-?mail)|originalnachricht|",
        r"message d['’]origine|message original|message initial|mensaje original|mensagem original|messaggio originale|",
        r"messaggio ori?ginale|oorspronkelijk bericht|ursprungligt meddelande|originalmeddelande|ursprungligt mejl|",
        r"oprindelig (meddelelse|besked)|original(e)? besked|opprinnelig melding|alkuperäinen viesti|",
        r"(oryginalna )?wiadomość oryginalna|oryginalna wiadomość|wiadomość oryginalna|původní (zpráva|e-?mail)|pôvodná správa|",
        r"eredeti üzenet|mesaj original|mesajul original|исходное сообщение|оригинальное сообщение|пересылаемое сообщение|",
        r"початкове повідомлення|оригінальне повідомлення|оригинално съобщение|orijinal (mesaj|ileti)|özgün ileti|",
        r"αρχικό μήνυμα|originalna poruka|izvirno sporočilo|missatge original|mensaxe orixinal|pesan asli|",
        r"thư gốc|tin nhắn gốc|ข้อความต้นฉบับ|मूल संदेश|הודעה מקורית|الرسالة الأصلية|رسالة أصلية|پیام اصلی|",
        r"元のメッセージ|元のメール|original message|原始邮件|原始郵件|原邮件|回复的原邮件|원본 메일|원본 메시지|original mail)\s*:?\s*[-_*=]{2,}$",
        r"|^-{2,}.*\b(wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef)\s?:?\s?-{2,}$",
    ))
    .expect("the pattern is a constant, and a test compiles it")
});

/// A mail that is shown on purpose.
static FORWARD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^-{2,}\s*(forwarded (message|by)|weitergeleitete nachricht|message transféré|mensaje reenviado|",
        r"messaggio inoltrato|mensagem encaminhada|doorgestuurd bericht|vidarebefordrat|videresendt|edelleenlähetetty|",
        r"przekazana wiadomość|пересылаемое сообщение|переслане повідомлення|iletilen|転送|转发|轉寄|전달된)",
        r"|^begin forwarded message:|^anfang der weitergeleiteten",
    ))
    .expect("the pattern is a constant, and a test compiles it")
});

/// "Write above this line", as ticket systems ask for.
static ABOVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^[^\p{L}]{0,6}(please )?((type|write|enter) your reply|reply|respond) (above|over) this line",
        r"|^[^\p{L}]{0,6}bitte (antworten|schreiben) sie (oberhalb|über) dieser (linie|zeile)",
        r"|^[^\p{L}]{0,6}(répondre|écrire|saisir).{0,20}au-dessus de cette ligne",
        r"|^[^\p{L}]{0,6}(responda|escriba).{0,20}(encima|arriba) de esta línea",
    ))
    .expect("the pattern is a constant, and a test compiles it")
});

pub(super) fn is_divider(line: &str) -> bool {
    DIVIDER.is_match(line)
}

pub(super) fn is_forward(line: &str) -> bool {
    FORWARD.is_match(line)
}

pub(super) fn is_above(line: &str) -> bool {
    ABOVE.is_match(line)
}

/// What a line of a mail's head says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    From,
    Sent,
    To,
    Subject,
}

/// Lines of a head that are looked at.
const HEAD_LINES: usize = 7;

const FROM: [&str; 33] = [
    "from",
    "von",
    "de",
    "da",
    "van",
    "från",
    "fra",
    "lähettäjä",
    "od",
    "feladó",
    "de la",
    "от",
    "від",
    "kimden",
    "gönderen",
    "από",
    "מאת",
    "من",
    "از",
    "प्रेषक",
    "差出人",
    "送信者",
    "发件人",
    "寄件者",
    "發件人",
    "보낸 사람",
    "보낸사람",
    "dari",
    "từ",
    "จาก",
    "remitente",
    "expéditeur",
    "absender",
];
const SENT: [&str; 50] = [
    "sent",
    "date",
    "gesendet",
    "datum",
    "envoyé",
    "envoyé le",
    "enviado",
    "enviado el",
    "enviado em",
    "enviada em",
    "fecha",
    "inviato",
    "data",
    "verzonden",
    "skickat",
    "sendt",
    "dato",
    "lähetetty",
    "päiväys",
    "päivämäärä",
    "wysłano",
    "wysłane",
    "odesláno",
    "odoslané",
    "dátum",
    "elküldve",
    "trimis",
    "отправлено",
    "дата",
    "надіслано",
    "gönderildi",
    "tarih",
    "στάλθηκε",
    "ημερομηνία",
    "נשלח",
    "תאריך",
    "تم الإرسال",
    "التاريخ",
    "تاریخ",
    "दिनांक",
    "भेजा गया",
    "送信日時",
    "日時",
    "日付",
    "发送时间",
    "日期",
    "傳送日期",
    "보낸 날짜",
    "날짜",
    "dikirim",
];
const SENT_MORE: [&str; 7] = ["tanggal", "ngày", "đã gửi", "ส่ง", "วันที่", "寄件日期", "时间"];
const TO: [&str; 41] = [
    "to",
    "cc",
    "an",
    "kopie",
    "à",
    "a",
    "para",
    "aan",
    "till",
    "til",
    "vastaanottaja",
    "kopio",
    "do",
    "dw",
    "komu",
    "címzett",
    "către",
    "кому",
    "копия",
    "копія",
    "kime",
    "bilgi",
    "προς",
    "κοιν.",
    "אל",
    "עותק",
    "إلى",
    "نسخة",
    "به",
    "प्रति",
    "宛先",
    "收件人",
    "抄送",
    "收件者",
    "받는 사람",
    "받는사람",
    "kepada",
    "ke",
    "tới",
    "đến",
    "ถึง",
];
const SUBJECT: [&str; 27] = [
    "subject",
    "betreff",
    "objet",
    "asunto",
    "oggetto",
    "assunto",
    "onderwerp",
    "ämne",
    "emne",
    "aihe",
    "temat",
    "předmět",
    "predmet",
    "tárgy",
    "subiect",
    "тема",
    "konu",
    "θέμα",
    "נושא",
    "الموضوع",
    "موضوع",
    "विषय",
    "件名",
    "主题",
    "主旨",
    "제목",
    "perihal",
];

/// Whether the head of an earlier mail begins with these lines: sender and time within four lines, or three kinds of lines.
pub(super) fn begins_header(lines: &[Line<'_>]) -> bool {
    let first = lines.first().and_then(|line| label(&line.text));
    if !matches!(first, Some(Label::From | Label::Sent)) {
        return false;
    }
    let mut seen: Vec<Label> = Vec::new();
    for (at, line) in lines.iter().take(HEAD_LINES).enumerate() {
        if line.is_blank() && at > 1 {
            break;
        }
        if let Some(label) = label(&line.text).filter(|label| !seen.contains(label)) {
            seen.push(label);
        }
        let both = seen.contains(&Label::From) && seen.contains(&Label::Sent);
        if seen.len() >= 3 || (both && at < 4) {
            return true;
        }
    }
    false
}

fn label(line: &str) -> Option<Label> {
    let line = line.trim_start_matches(['*', '|', ' ']);
    let (name, _) = line.split_once([':', '：'])?;
    let name = name.trim_end_matches(['*', ' ']);
    if name.is_empty() || name.len() > 40 {
        return None;
    }
    let name = name.to_lowercase();
    let is = |names: &[&str]| names.contains(&name.as_str());
    if is(&FROM) {
        Some(Label::From)
    } else if is(&SENT) || is(&SENT_MORE) {
        Some(Label::Sent)
    } else if is(&TO) {
        Some(Label::To)
    } else if is(&SUBJECT) {
        Some(Label::Subject)
    } else {
        None
    }
}
