//! What servers say, in their languages.
//!
//! The more telling stands first: a sentence about a block list may well mention a user. What a provider documents, or is
//! known to say in a way of its own, is asked before what everybody says.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::{Class, Verdict, verdict};

/// How far words are to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    Yes(Verdict),
    /// When it was the recipient's name that was refused, or a code agrees.
    IfRecipient(Verdict),
}

impl Sure {
    pub(super) const fn verdict(self) -> Verdict {
        match self {
            Self::Yes(verdict) | Self::IfRecipient(verdict) => verdict,
        }
    }
}

const fn sure(class: Class, reason: &'static str) -> Sure {
    Sure::Yes(verdict(class, reason))
}

/// A provider by its host's name or its own words, what it says, and what that means.
struct Rule {
    who: &'static str,
    says: &'static str,
    means: Verdict,
}

const fn rule(who: &'static str, says: &'static str, class: Class, reason: &'static str) -> Rule {
    Rule {
        who,
        says,
        means: verdict(class, reason),
    }
}

/// Sources: the providers' pages for postmasters.
const PROVIDERS: [Rule; 27] = [
    // Exchange Online hides its directory behind "access denied" (Directory-Based Edge Blocking).
    rule(
        r"protection\.outlook\.com|\[[^\]]*\.prod\.outlook\.com\]",
        r"5\.4\.1 .{0,120}recipient address rejected: access denied",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"hotmail\.com|\.olc\.protection\.outlook\.com|outlook\.com",
        r"requested action not taken: mailbox unavailable|not taken because mailbox (is )?unavailable",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"resolver\.|storedrv\.|exchange|prod\.outlook\.com",
        r"recipnotfound|resolver\.adr\.exrecipnotfound|5\.1\.10 .{0,60}recipient ?not ?found",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"resolver\.|storedrv\.",
        r"notauthorized|not authorized|authentication required",
        Class::Block,
        "policy",
    ),
    // Yahoo and AOL say after the content what others say after the name.
    rule(
        r"yahoo|aol|yahoodns",
        r"delivery error: dd .{0,40}(doesn't|does not) have an? ",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"yahoo|aol|yahoodns",
        r"delivery error: dd .{0,60}(disabled|discontinued|suspended)",
        Class::Soft,
        "suspended",
    ),
    rule(
        r"yahoo|aol|yahoodns|verizonmedia",
        r"\[?tss?[0-9]{2}\]?|temporarily deferred|\[(ph|bl|gl)[0-9]{2}\]",
        Class::Block,
        "reputation",
    ),
    // The answer is a template that the owner of a receipt rule chose, whatever the reason.
    rule(
        r"inbound-smtp\.[a-z0-9-]+\.amazonaws\.com",
        r"mailbox does not exist",
        Class::Block,
        "filtered",
    ),
    rule(
        r"laposte|orange|wanadoo|ofr[0-9_]+|lpn[0-9_]+",
        r"(lpn|ofr)[0-9]*_?41[56]|destinataire invalide",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"laposte|orange|wanadoo|ofr[0-9_]+|lpn[0-9_]+",
        r"(lpn|ofr)[0-9]*_[0-9]{3}",
        Class::Block,
        "blocked",
    ),
    rule(
        r"gsmtp|google",
        r"p=nosuchuser|account that you tried to reach does not exist",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"gsmtp|google",
        r"p=disableduser|account that you tried to reach is (disabled|inactive)",
        Class::Soft,
        "suspended",
    ),
    rule(
        r"gsmtp|google",
        r"p=overquota|the recipient's inbox is out of storage",
        Class::Soft,
        "mailbox-full",
    ),
    rule(
        r"gsmtp|google",
        r"receiving mail (at a rate|too quickly)|p=receivingrate",
        Class::Soft,
        "rate",
    ),
    rule(
        r"qq\.com|tencent|163\.com|126\.com|netease|sina\.com",
        r"mailbox (is )?not found|user not found|non-existent account|invalid user|no such user|user unknown",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"qq\.com|tencent|163\.com|126\.com|netease|sina\.com",
        r"frequency limit|connection (frequency|denied)|\b(mi|rp|dt):[a-z]{3}\b|suspected spam",
        Class::Block,
        "blocked",
    ),
    rule(
        r"mail\.ru|my\.com",
        r"invalid mailbox|user not found|user is terminated",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"mimecast",
        r"invalid recipient|recipient (is )?unknown",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"mimecast",
        r"anti-spoofing|policy|blocked|rejected by|signature|reputation",
        Class::Block,
        "policy",
    ),
    rule(
        r"facebook",
        r"rcp-p1\b|int-p1\b",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"facebook",
        r"(rcp|int|con|dns|pol|msg)-[pt][0-9]",
        Class::Block,
        "policy",
    ),
    // Its gateways to telephones.
    rule(
        r"@vtext\.com|@vzwpix\.com|@vzwmms\.com",
        r"no such user|invalid user address|no valid recipients",
        Class::Hard,
        "unknown-user",
    ),
    // 1&1, GMX, WEB.DE: the link's `c` names a rule that was broken; of a mailbox that is not there no link is given.
    rule(
        r"1und1|ionos|kundenserver|gmx|web\.de|mail\.com|perfora",
        r"mailbox unavailable.{0,80}explanation.{0,120}[?&]c=",
        Class::Block,
        "policy",
    ),
    rule(
        r"secureserver|irbounce|godaddy",
        r"recipient not found|account does not exist",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"messagelabs",
        r"no such user|\b542 .{0,80}rejected",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"barracuda|ess\.barracudanetworks",
        r"no such (domain|user|recipient) at this location|recipient verification failed",
        Class::Hard,
        "unknown-user",
    ),
    rule(
        r"t-online\.de|rx\.t-online",
        r"a problem occurred|\(bl\)|ip=[0-9.]+",
        Class::Block,
        "blocked",
    ),
];

/// What everybody says, the more telling first.
const SAYINGS: [(&str, Sure); 26] = [
    (
        r"retry time(out)? (exceeded|not reached)|have been failing for a long time|retry timeout",
        sure(Class::Soft, "expired"),
    ),
    (
        r"dmarc|\bspf\b|dkim[^ ]* (fail|check|sign)|unauthenticated (e-?mail|sender)|sender is unauthenticated|authentication checks? failed|sender policy framework",
        sure(Class::Block, "authentication"),
    ),
    (
        r"reverse dns|\bptr\b|\brdns\b|unverifyable sending|unverifiable sending|mismatches client ip|invalid ip for sending|cannot find your (host ?name|reverse)|forward.confirmed|no matches to nameserver|cannot resolve your (address|host)",
        sure(Class::Block, "reverse-dns"),
    ),
    (
        r"low reputation|(poor|bad|very low) (sender |domain |ip )?reputation|reputation of|tss0[0-9]|unexpected volume|user complaints",
        sure(Class::Block, "reputation"),
    ),
    (
        r"too many (connections|recipients|messages|concurrent|sessions|errors|invalid)|rate limit|frequency limit|at a rate that|throttl|sending too (fast|many)|exceeded the (rate|maximum number of connections)|(connection|message|mail) (rate|limit|frequency)|concurrency limit|too many unknown|gr[ae]y ?list",
        sure(Class::Soft, "rate"),
    ),
    (
        r"virus|malware|infected|wurm\b",
        sure(Class::Block, "virus"),
    ),
    (
        r"\bspam|\bube\b|\buce\b|junk mail|bulk mail|content rejected|content was rejected|looks like spam|unsolicited|unerwünscht|indésirable|no deseado|спам|垃圾邮件|スパム",
        sure(Class::Block, "spam"),
    ),
    (
        r"blacklist|black list|block ?list|blocked (for|by|using|due)|\brbl\b|dnsbl|client host (rejected|blocked)|\(bl\)|open relay|smtp server of your isp|refused to talk to me|banned|your (ip|host|server|network).{0,40}(reject|block|deni|refus)|server access .{0,60}forbidden|no access from mail server|\blisted (in|at|on|by)\b.{0,60}(spamhaus|sorbs|spamcop|barracuda|uceprotect|abuse)|not authorized to connect|dynamic ip|dialup|helo|ehlo",
        sure(Class::Block, "blocked"),
    ),
    (
        r"(mail)?box.{0,20}(is )?(full|exceed|over ?quota)|(user|account|recipient).{0,40}(is )?(over ?quota|over (the )?quota)|over ?(disk )?quota|quota (is )?(exceed|full|reach|überschritten)|exceed.{0,30}(quota|storage|allotted|allocated)|storage (space|limit|quota|allocation)|out of (storage|space|disk)|mailfolder is full|insufficient (system )?storage|not enough (storage|space|disk|room)|maximum (mailbox|storage)|mailbox size limit|no space left|disc quota|speicherplatz|postfach.{0,20}(voll|überfüllt)|boîte.{0,30}pleine|buzón.{0,20}llen|casella.{0,20}piena|caixa.{0,30}cheia|переполнен|容量.{0,8}(超|不足|満)|邮箱.{0,4}满|メールボックス.{0,10}(一杯|いっぱい|満)",
        sure(Class::Soft, "mailbox-full"),
    ),
    (
        r"sender verif|verif.{0,20}(failed for|sender)|sender address rejected|sender (domain|address|e-?mail|is).{0,40}(not exist|reject|invalid|resolve|unknown|denied)|domain of sender|sender('s)? (host|domain)|sender (was|is) (rejected|not allowed|unknown|blocked)|backscatter|(from|return|envelope).?(address|sender).{0,30}(reject|invalid|not exist|denied|unknown)|invalid sender|bad sender|unknown sender|callout verification|reject.{0,20}sender|ungültige[rn]? absender|expéditeur.{0,20}(invalide|refus|rejet)",
        sure(Class::Block, "sender-rejected"),
    ),
    (
        r"(message|mail|size|length|line|headers?|attachment).{0,30}(too (big|large|long)|exceeds?|limit exceeded).{0,60}|too (big|large) (for|message)|size limit|maximum (message )?size|zu gro(ß|ss)",
        sure(Class::Soft, "too-large"),
    ),
    (
        r"account.{0,40}(disabled|inactive|suspended|locked|deactivated|expired|discontinued|blocked|closed temp|frozen|not active|on hold)|(user|recipient|mailbox|account)[^.]{0,60}(suspended|inactive|temporar[a-z]* (locked|disabled|unavailable|blocked|not)|is (disabled|locked|frozen|blocked|not active))|mailbox (is |has been |temporarily )?(disabled|inactive|frozen|locked|suspended|blocked)|deactivated (mailbox|account)|konto.{0,20}(gesperrt|deaktiviert)|compte.{0,20}(désactivé|suspendu)|cuenta.{0,20}(desactivada|suspendida)",
        sure(Class::Soft, "suspended"),
    ),
    (
        r"relay(ing)? (access )?(denied|not|prohib|block)|not configured to relay|no relaying|unable to relay|insecure mail relay|we do not relay|not (permitted|allowed) to relay|cannot relay|relay (access|not|operation)|is not (a )?gateway|doesn't handle mail for",
        sure(Class::Block, "relaying"),
    ),
    (
        r"after mail from|in reply to mail from|mail from command",
        sure(Class::Block, "sender-rejected"),
    ),
    (
        r"command failed|child exited|couldn't create|error writing (output|message)|procmail|unknown mailer error|local delivery failed|can't create user output file|\|[/a-z]",
        sure(Class::Soft, "program"),
    ),
    // What Exchange says at its border of names it does not know.
    (
        r"recipient (address )?rejected: access denied",
        Sure::IfRecipient(verdict(Class::Hard, "unknown-user")),
    ),
    (
        r"access denied|policy (reject|violation|reason)|for policy reasons|message (was )?(filtered|refused|rejected by)|(recipient|user).{0,20}(refuses|rejects|preferences|does not want)|(not|isn't) authori[sz]ed to (send|post)|members? only|permission to (post|publish)|moderat|authentication (is )?required|(address|recipient|sender) is (not )?(on|in) .{0,20}(white|safe)|restricted|denied by",
        sure(Class::Block, "policy"),
    ),
    (
        r"not our customer|no longer (on (this )?server|valid|available|works|with|employed|active|in use|exists?|accept)|has (been )?moved|has been replaced by|user has moved|address (has )?changed|mailbox has moved|has left|nicht mehr (gültig|aktiv|verfügbar|erreichbar)|n'est plus (valide|utilis)|ya no (existe|está)",
        sure(Class::Hard, "moved"),
    ),
    (
        r"does not accept (e-?)?mail|(indicated|offers|has) no (smtp|mail) service|nullmx|null mx|does not (receive|handle) (e-?)?mail|no mail exchanger|find a mail exchanger|doesn't accept (e-?)?mail|recipient domain.{0,30}not accept|no mx (record|host)|destination seems? to reject all mails|host/domain does not accept",
        sure(Class::Hard, "no-mail-host"),
    ),
    (
        r"(host|domain)( name)?[^.]{0,30}(not found|unknown|does not exist|doesn't exist|is not reachable|not reachable|invalid|nicht gefunden|introuvable)|unknown (host|domain)|unrouteable (mail )?domain|no such (host|domain)|invalid (recipient )?domain|couldn't find any host|bad destination (system|host)|illegal host/?(domain)?|name service error|nxdomain|unrouteable address|dns error|point to non-?existent hosts|non-?existent (host|domain)|name or service not known|host unreachable|mail domain mentioned|domain must exist|recipient('s)? (host|domain).{0,20}(unknown|not found|not exist)",
        sure(Class::Hard, "unknown-host"),
    ),
    // Of servers that look into a list of their own.
    (
        concat!(
            r"recipient name is not recognized|msexch.{0,120}(unknown recipient|000c05a6)|(^|\n)unknown user: \S+@\S+|not listed in (public|domino|the|name)|not found in (directory|the directory|domino)|unknown in (local|virtual|relay) .{0,20}table|undeliverable address: unknown user|unknown local.?part|unknown local user",
            r"|bad destination mailbox address|mailbox unknown\. either there is no mailbox|no mailbox here by that name|mailbox not listed in|(e-?mail )?address (you entered )?couldn't be found|wasn't found at|keine? (solche[rsn]? )?(empfänger|postfach|benutzer)",
            r"|account does not exist at the organi[sz]ation|recipnotfound|recipient not found by smtp address lookup|no such user here\. ?please|address no longer exists",
        ),
        sure(Class::Hard, "unknown-user"),
    ),
    (
        concat!(
            r"(user|recipient|rcpt|mailbox|address|account|addressee|alias|local.?part|customer|subscriber|person|destinat\w+|username|inbox)[^\n]{0,60}(unknown|not found|does(n't| not) (exist|have)|(not|isn't) exist|not known|is invalid|undeliverable|not listed|nonexist|non-exist|not recogni|not valid|no longer|invalide?\b|is not (a )?(valid|local)|not available here)",
            r"|(unknown|no such|invalid|bad|illegal|non-?existent|unrecognized|not a valid|nonexisting|unknown or illegal|no local) (local )?(user|recipient|mailbox|address|account|alias|name|rcpt|person|destination mailbox|virtual|e-?mail|local)",
            r"|no mailbox|not our user|can'?t (find|locate) (the )?(user|recipient|mailbox)|mailbox unavailable|recipient (address )?rejected: undeliver|not a known user|this user doesn|not listed in|unable to validate recipient|no valid recipients?|rejected recipient|doesn't have an? .{0,60}account|is not one of our|no one (here )?by that name",
            r"|(benutzer|empfänger|postfach|adresse).{0,40}(unbekannt|nicht gefunden|existiert nicht|ungültig|nicht bekannt|gibt es nicht)|unbekannte[rn]? (benutzer|empfänger)|(utilisateur|destinataire|adresse|compte|boîte).{0,40}(inconnue?|n'existe pas|invalide|introuvable)",
            r"|(usuario|destinatario|buzón|dirección|cuenta).{0,40}(desconocid|no existe|no encontrad|inválid)|(utente|destinatario|casella|indirizzo).{0,40}(sconosciut|inesistente|non esiste|non valid)|(usuário|destinatário|caixa|endereço|conta).{0,40}(desconhecid|não existe|inexistente|inválid)",
            r"|(gebruiker|ontvanger|mailbox|adres).{0,40}(onbekend|bestaat niet)|(användare|mottagare|adress).{0,40}(okänd|finns inte)|(użytkownik|adresat|skrzynk).{0,40}(nie istnieje|nieznan)|(пользовател|адрес|ящик).{0,40}(не найден|не существует|неизвест|нет)|(такого|нет такого).{0,20}(пользователя|адреса|ящика)",
            r"|(kullanıcı|adres).{0,30}(bulunamadı|bilinmiyor|mevcut değil)|(用户|收件人|邮箱|帐号|账号|地址).{0,10}(不存在|未找到|无效)|(收件者|使用者|信箱).{0,10}(不存在|無此)|(宛先|ユーザ|アドレス|受信者).{0,20}(存在しません|見つかりません|不明|ありません)|(사용자|주소|수신자|메일함).{0,20}(없|존재하지)",
        ),
        Sure::IfRecipient(verdict(Class::Hard, "unknown-user")),
    ),
    (
        r"time(d)? ?out|expired|too long in (the )?queue|undeliverable for|cannot deliver.{0,40}(days|hours)|not been delivered (for|after)|could not be delivered for|giv(en|ing) up|connection (refused|reset|lost|dropped)|no route to host|network is unreachable|lost connection",
        sure(Class::Soft, "expired"),
    ),
    (
        r"loop|too many hops|hop count",
        sure(Class::Soft, "network"),
    ),
    (
        r"temporar|try (again )?later|resources|system (error|failure|busy)|service (not )?(un)?available|overload|configuration error|internal error",
        sure(Class::Soft, "system"),
    ),
    (
        r"\bfilter|content|attachment|syntax|protocol error|bare lf|8bit",
        sure(Class::Block, "content"),
    ),
];

static SAID: LazyLock<RegexSet> =
    LazyLock::new(|| set(SAYINGS.iter().map(|(pattern, _)| *pattern)));
static WHO: LazyLock<RegexSet> = LazyLock::new(|| set(PROVIDERS.iter().map(|rule| rule.who)));
static SAYS: LazyLock<RegexSet> = LazyLock::new(|| set(PROVIDERS.iter().map(|rule| rule.says)));

/// Postfix, of an address that is in none of its tables, and the like.
static LISTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)user unknown in (local|virtual|relay) (alias |mailbox |recipient )?table")
        .expect("the pattern is a constant, and a test compiles it")
});

fn set<'a>(patterns: impl Iterator<Item = &'a str>) -> RegexSet {
    RegexSet::new(patterns.map(|pattern| format!("(?is){pattern}")))
        .expect("the patterns are constants, and a test compiles them")
}

/// What a known provider means by this. Its name stands in its host's or among its words.
pub(super) fn by_provider(host: &str, words: &str, text: &str) -> Option<Verdict> {
    let words = if words.is_empty() { text } else { words };
    let says = SAYS.matches(words);
    if !says.matched_any() {
        return None;
    }
    let (by_host, by_words) = (WHO.matches(host), WHO.matches(words));
    let found = says
        .iter()
        .find(|place| by_host.matched(*place) || by_words.matched(*place))?;
    PROVIDERS.get(found).map(|rule| rule.means)
}

/// Whether, among whatever else, it is said that there is no such user.
pub(super) fn name_no_user(words: &str) -> bool {
    let no_user = |place: usize| {
        SAYINGS
            .get(place)
            .is_some_and(|(_, sure)| sure.verdict().reason == "unknown-user")
    };
    SAID.matches(words).iter().any(no_user)
}

pub(super) fn by_words(words: &str) -> Option<Sure> {
    let found = SAID.matches(words).iter().next()?;
    SAYINGS.get(found).map(|(_, sure)| *sure)
}

/// Whether the server says that it looked into its list of people.
pub(super) fn names_a_list(words: &str) -> bool {
    LISTS.is_match(words)
}
