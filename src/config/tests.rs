//! The layers, and what they refuse.

use std::collections::BTreeSet;
use std::io::Write;

use super::{bound::STAGES, *};

fn with(text: &str) -> Result<Config> {
    Config::extract(&Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(text)))
}

fn refusal(text: &str) -> String {
    with(text).unwrap_err().to_string()
}

#[test]
fn every_default_loads() {
    let config = Config::extract(&Figment::from(Toml::string(DEFAULTS))).unwrap();
    assert_eq!(config.gateway.listen.port(), 8080);
    assert_eq!(config.pipeline.groups.concat(), STAGES);
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.gateway.publish_deadline(), Duration::from_secs(5));
}

/// What stands in a comment of `default.toml` must be a setting, too.
#[test]
fn every_optional_setting_is_known() {
    let uncommented: String = DEFAULTS
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key)
                if key.split_once(" = ").is_some_and(|(key, _)| {
                    key.chars().all(|c| c.is_alphanumeric() || c == '_')
                }) =>
            {
                key
            }
            _ => line,
        })
        .fold(String::new(), |all, line| all + line + "\n");
    assert!(
        uncommented
            .lines()
            .filter(|line| line.contains(" = "))
            .count()
            > DEFAULTS
                .lines()
                .filter(|line| !line.starts_with('#') && line.contains(" = "))
                .count()
                + 8
    );
    let config = Config::extract(&Figment::from(Toml::string(&uncommented))).unwrap();
    assert_eq!(config.auth.jwt_audience.as_deref(), Some("tidings"));
    assert!(
        config.keys.file.is_some()
            && config.gateway.public_url.is_some()
            && config.nats.user.is_some()
    );
}

#[test]
fn what_the_documentation_says_of_other_models_holds() {
    let documentation = include_str!("../../docs/inference.md");
    let examples: String = documentation
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let inference = with(&examples).unwrap().inference;
    let (external, bert) = (&inference.external["mine"], &inference.bert["mood"]);
    for row in [
        format!("| `threshold` | `{}` |", external.threshold),
        format!("| `timeout_ms` | `{}` |", external.timeout_ms),
        format!("| `max_batch` | `{}` |", external.max_batch),
        format!(
            "| `failures`, `pause_ms` | `{}`, `{}` |",
            external.failures, external.pause_ms
        ),
        format!("| `threads` | `{}` |", bert.threads),
        format!("| `max_batch` | `{}` |", bert.max_batch),
        format!("| `timeout_ms` | `{}` |", bert.timeout_ms),
    ] {
        assert!(documentation.contains(&row), "{row}");
    }
    let message = refusal("[inference.external.mine]\nurl = 'http://x/'\nlabel = []");
    assert!(
        message.contains("`inference.external.mine.labels`"),
        "{message}"
    );
}

#[test]
fn no_setting_is_spelled_twice() {
    let mut seen = BTreeSet::new();
    let mut section = "";
    for line in DEFAULTS.lines() {
        if line.starts_with('[') {
            section = line;
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ") {
            assert!(seen.insert((section, key)), "{section} {key} twice");
        }
    }
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let message = refusal("[gateway]\nbody_limit = 5");
    assert!(
        message.contains("`gateway.body_limit`") && message.contains("`gateway.body_limit_bytes`"),
        "{message}"
    );
    let message = refusal("[gatway]\nlisten = '1.2.3.4:5'");
    assert!(
        message.contains("`gatway`") && message.contains("`gateway`"),
        "{message}"
    );
}

#[test]
fn wrong_values_are_refused_by_name_and_not_shown() {
    for (text, name) in [
        ("[gateway]\nlisten = 'nowhere'", "gateway.listen"),
        ("[gateway]\nsns_url = 'hunter2'", "gateway.sns_url"),
        ("[gateway]\nsns_url = 'ftp://hunter2'", "gateway.sns_url"),
        ("[project]\nmax_batch = 0", "project.max_batch"),
        ("[log]\nformat = 'xml'", "log.format"),
        ("[pipeline]\ngroups = [['route']]", "pipeline.groups"),
        ("[language]\nbackend = 'trigrams'", "language.backend"),
        ("[language]\nbackend = 'vader'", "language.backend"),
        (
            "[postgres]\nmax_connections = 'hunter2'",
            "postgres.max_connections",
        ),
    ] {
        let message = refusal(text);
        assert!(message.contains(name), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn the_language_is_found_as_the_settings_say() {
    for (backend, means) in [
        ("builtin", Backend::Builtin),
        ("whatlang", Backend::Whatlang),
        ("off", Backend::Off),
    ] {
        let config = with(&format!("[language]\nbackend = '{backend}'")).unwrap();
        assert_eq!(config.language.backend, means);
    }
    assert_eq!(with("").unwrap().language.backend, Backend::Builtin);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "[project]\nmax_batch = 7\n[deliver]\nmax_batch = 8\n").unwrap();
    let environment = Toml::string("[deliver]\nmax_batch = 9");
    let layers = Figment::from(Toml::string(DEFAULTS))
        .merge(Toml::file_exact(file.path()))
        .merge(environment);
    let config = Config::extract(&layers).unwrap();
    assert_eq!(
        (
            config.project.max_batch,
            config.deliver.max_batch,
            config.pipeline.max_batch
        ),
        (7, 9, 512)
    );
    assert_eq!(
        Config::load(Some(file.path())).unwrap().project.max_batch,
        7
    );
    assert!(
        Config::load(Some(Path::new("/nowhere.toml")))
            .unwrap_err()
            .to_string()
            .contains("/nowhere.toml")
    );
}

#[test]
fn secrets_are_text_whatever_they_look_like_and_do_not_print() {
    let config =
        with("[nats]\npassword = 123\n[postgres]\nurl = 'postgres://u:hunter2@h/d'").unwrap();
    assert_eq!(config.nats.password().unwrap().unwrap().expose(), "123");
    let printed = format!("{config:?}");
    assert!(
        !printed.contains("hunter2") && printed.contains("***"),
        "{printed}"
    );
}

#[test]
fn a_password_file_goes_into_the_url() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "p@ss").unwrap();
    let text = format!(
        "[postgres]\nurl = 'postgres://u@h:1/d'\npassword_file = '{}'",
        file.path().display()
    );
    assert_eq!(
        with(&text).unwrap().postgres.url().unwrap().expose(),
        "postgres://u:p%40ss@h:1/d"
    );
    let text = format!(
        "[auth]\njwt_hs256_secret_file = '{}'",
        file.path().display()
    );
    let refused = with(&text)
        .unwrap()
        .auth
        .jwt_hs256_secret()
        .unwrap_err()
        .to_string();
    assert!(refused.contains("32 bytes"), "{refused}");
}

#[test]
fn a_folder_of_a_hub_takes_the_place_of_the_servers() {
    let mut config =
        with("[nats]\npassword_file = '/nowhere'\n[postgres]\npassword_file = '/nowhere'").unwrap();
    config.point_at(
        "nats://tidings:hunter2@127.0.0.1:9",
        "postgres://t:hunter3@127.0.0.1:8/tidings",
        Path::new("k"),
    );
    assert_eq!(config.nats.url, "nats://127.0.0.1:9");
    assert_eq!(config.nats.user.as_deref(), Some("tidings"));
    assert_eq!(config.nats.password().unwrap().unwrap().expose(), "hunter2");
    assert_eq!(
        config.postgres.url().unwrap().expose(),
        "postgres://t:hunter3@127.0.0.1:8/tidings"
    );
    assert!(!format!("{config:?}").contains("hunter"));
}
