//! Settings: flag, then environment, then `./regatta.toml`, then the user's file, then the default. Each value knows
//! where it came from.

use regatta::settings_file::{self, LayoutName, SettingsFile, SlackTable};
use regatta_engine::rights::Role;
use regatta_flow::policy::{AnalysisPolicy, FinalApproval, Policy};
use regatta_kit::Arch;
use regatta_services::settings::{Origin, ServiceName, ServiceSettings};
use regatta_statebox::document::Layout;
use regatta_tasks::settings::TaskSettings;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Where environment variables are looked up. The demo looks into its sandbox only, never at the user's credentials.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A setting as shown: key, value, where it came from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shown {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) origin: String,
}

/// The settings in force.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) store: String,
    pub(crate) owner: Option<String>,
    pub(crate) actor: String,
    pub(crate) role: Role,
    pub(crate) policy: Policy,
    pub(crate) layout: Layout,
    pub(crate) tasks: TaskSettings,
    pub(crate) services: ServiceSettings,
    /// The sandbox these settings are of; `None` for the real world.
    pub(crate) world: Option<String>,
    /// Everything above, for `config show`.
    pub(crate) shown: Vec<Shown>,
}

/// Gathers one value and remembers where it came from.
struct Gather<'a> {
    lookup: Lookup<'a>,
    files: Vec<(String, SettingsFile)>,
    shown: Vec<Shown>,
}

impl Gather<'_> {
    /// The first of flag, variable, files (project before user), default.
    fn pick<T: Clone + ToString>(
        &mut self,
        key: &str,
        flag: Option<T>,
        variable: Option<&str>,
        parse: impl Fn(&str) -> Result<T, String>,
        from_file: impl Fn(&SettingsFile) -> Option<T>,
        default: Option<T>,
    ) -> Result<Option<T>, Failure> {
        let from_environment = match variable.and_then(|v| (self.lookup)(v).map(|text| (v, text))) {
            Some((variable, text)) if !text.trim().is_empty() => {
                let value = parse(text.trim()).map_err(|why| Failure::Input(format!("{variable}: {why}")))?;
                Some((value, variable.to_owned()))
            }
            _ => None,
        };
        let in_files =
            || self.files.iter().find_map(|(place, file)| from_file(file).map(|v| (v, place.clone())));
        let found = flag
            .map(|v| (v, "flag".to_owned()))
            .or(from_environment)
            .or_else(in_files)
            .or_else(|| default.map(|v| (v, "default".to_owned())));
        let (value, origin) = match &found {
            Some((value, origin)) => (value.to_string(), origin.clone()),
            None => (String::new(), "not set".to_owned()),
        };
        self.shown.push(Shown { key: key.to_owned(), value, origin });
        Ok(found.map(|(value, _)| value))
    }

    /// As [`Gather::pick`], for plain text.
    fn text(
        &mut self,
        key: &str,
        flag: Option<String>,
        variable: Option<&str>,
        from_file: impl Fn(&SettingsFile) -> Option<String>,
        default: Option<String>,
    ) -> Result<Option<String>, Failure> {
        self.pick(key, flag, variable, |t| Ok(t.to_owned()), from_file, default)
    }

    /// As [`Gather::pick`], for a word that stands in files only, with a default.
    fn file_only<T: Clone + Serialize>(
        &mut self,
        key: &str,
        from_file: impl Fn(&SettingsFile) -> Option<T>,
        default: T,
    ) -> Result<T, Failure> {
        // Without a variable there is nothing to parse.
        let never = |_: &str| Err(String::new());
        let word = |file: &SettingsFile| from_file(file).map(Word);
        let found = self.pick(key, None, None, never, word, Some(Word(default.clone())))?;
        Ok(found.map_or(default, |word| word.0))
    }
}

impl Settings {
    /// Reads the settings in force.
    ///
    /// An `explicit` file must exist and is the only one read. Else `./regatta.toml` comes before the user's file, and
    /// either may be absent.
    pub(crate) fn read(
        lookup: Lookup<'_>,
        explicit: Option<&Path>,
        store_flag: Option<String>,
    ) -> Result<Self, Failure> {
        let mut files = Vec::new();
        if let Some(path) = explicit {
            files
                .push((path.display().to_string(), read_file(path, Presence::Required)?.unwrap_or_default()));
        } else {
            let places = [Some(PathBuf::from("regatta.toml")), user_file(lookup)];
            for path in places.into_iter().flatten() {
                if let Some(file) = read_file(&path, Presence::Optional)? {
                    files.push((path.display().to_string(), file));
                }
            }
        }
        let mut gather = Gather { lookup, files, shown: Vec::new() };
        let default_tasks = TaskSettings::default();

        let store = gather.text(
            "store",
            store_flag,
            Some("REGATTA_STORE"),
            |f| f.store.clone(),
            Some(default_store(lookup)),
        )?;
        let owner = gather.text("owner", None, Some("REGATTA_OWNER"), |f| f.owner.clone(), None)?;
        let actor = gather.text(
            "actor",
            None,
            Some("REGATTA_ACTOR"),
            |f| f.actor.clone(),
            Some(user_at_host(lookup)),
        )?;
        let role =
            gather.pick("role", None, Some("REGATTA_ROLE"), str::parse, |f| f.role, Some(Role::Lead))?;
        let parse_arch = |t: &str| t.parse::<Arch>().map_err(|e| e.to_string());
        let arch =
            gather.pick("arch", None, Some("REGATTA_ARCH"), parse_arch, |f| f.arch, Some(Arch::Amd64))?;
        let mail_domain = gather.text(
            "mail_domain",
            None,
            None,
            |f| f.mail_domain.clone(),
            Some(default_tasks.mail_domain),
        )?;
        let analysis =
            gather.file_only("policy.analysis", |f| f.policy.analysis, AnalysisPolicy::default())?;
        let final_approval = gather.file_only(
            "policy.final_approval",
            |f| f.policy.final_approval,
            FinalApproval::default(),
        )?;
        let layout = gather.file_only("statebox.layout", |f| f.statebox.layout, LayoutName::Json)?;
        let report_spreadsheet = gather.text(
            "report.spreadsheet",
            None,
            Some("REGATTA_REPORT_SPREADSHEET"),
            |f| f.report.spreadsheet.clone(),
            None,
        )?;
        let mut channel = |key: &str, from: fn(&SlackTable) -> Option<String>, default: String| {
            gather.text(key, None, None, |f| from(&f.slack), Some(default)).map(Option::unwrap_or_default)
        };
        let release_channel =
            channel("slack.release_channel", |s| s.release_channel.clone(), default_tasks.release_channel)?;
        let release_group =
            channel("slack.release_group", |s| s.release_group.clone(), default_tasks.release_group)?;
        let art_channel = channel("slack.art_channel", |s| s.art_channel.clone(), default_tasks.art_channel)?;
        let art_group = channel("slack.art_group", |s| s.art_group.clone(), default_tasks.art_group)?;

        let mut report_spreadsheets = BTreeMap::new();
        let mut urls = BTreeMap::new();
        for (_, file) in gather.files.iter().rev() {
            report_spreadsheets.extend(file.report.spreadsheets.clone());
            urls.extend(file.urls());
        }
        let places: Vec<&str> = gather.files.iter().map(|(place, _)| place.as_str()).collect();
        let services = ServiceSettings::read(|name| lookup(name), &urls).map_err(|error| {
            let file =
                if error.place.starts_with('[') { format!("{}: ", places.join(", ")) } else { String::new() };
            Failure::Input(format!("{file}{error}"))
        })?;
        let mut shown = gather.shown;
        shown.extend(ServiceName::ALL.iter().map(|service| Shown {
            key: format!("services.{}.url", service.name()),
            value: services.url(*service).map(ToString::to_string).unwrap_or_default(),
            origin: match services.origin(*service) {
                None => "not set".to_owned(),
                Some(Origin::Default) => "default".to_owned(),
                Some(Origin::File) => "settings file".to_owned(),
                Some(Origin::Environment) => service.url_variable().to_owned(),
            },
        }));

        let named = lookup("REGATTA_WORLD").filter(|w| !w.trim().is_empty());
        let imitated = ["REGATTA_CLOCK_URL", "REGATTA_CONTROL_URL"]
            .iter()
            .any(|v| lookup(v).is_some_and(|u| !u.is_empty()));
        let world = named.or_else(|| imitated.then(|| "sandbox".to_owned()));

        Ok(Self {
            world,
            store: store.unwrap_or_default(),
            owner,
            actor: actor.unwrap_or_default(),
            role: role.unwrap_or(Role::Lead),
            policy: Policy { analysis, final_approval },
            layout: match layout {
                LayoutName::Yaml => Layout::Yaml,
                LayoutName::Json => Layout::Json,
            },
            tasks: TaskSettings {
                arch: arch.unwrap_or_default(),
                report_spreadsheets,
                report_spreadsheet,
                release_channel,
                release_group,
                art_channel,
                art_group,
                mail_domain: mail_domain.unwrap_or_default(),
            },
            services,
            shown,
        })
    }
}

/// A setting that is written as one of several words.
#[derive(Clone, Copy)]
struct Word<T>(T);

#[allow(clippy::to_string_trait_impl, reason = "only for settings as they are shown")]
impl<T: Serialize> ToString for Word<T> {
    fn to_string(&self) -> String {
        match serde_json::to_value(&self.0) {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        }
    }
}

/// Whether a settings file has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// The user named it.
    Required,
    /// It is looked for in a usual place.
    Optional,
}

/// A file's settings, `None` when there is no such file and none is required.
fn read_file(path: &Path, presence: Presence) -> Result<Option<SettingsFile>, Failure> {
    let absent = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if absent(&error) && presence == Presence::Optional => return Ok(None),
        Err(source) => return Err(Failure::File { place: path.display().to_string(), source }),
    };
    settings_file::parse(&text)
        .map(Some)
        .map_err(|error| Failure::Input(format!("{}:{}: {}", path.display(), error.line, error.why)))
}

fn user_file(lookup: Lookup<'_>) -> Option<PathBuf> {
    let base = lookup("XDG_CONFIG_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(lookup("HOME")?).join(".config")))?;
    Some(base.join("regatta/regatta.toml"))
}

fn default_store(lookup: Lookup<'_>) -> String {
    let base = lookup("XDG_STATE_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(lookup("HOME")?).join(".local/state")));
    match base {
        Some(base) => format!("sqlite:{}", base.join("regatta/regatta.db").display()),
        None => "sqlite:regatta.db".to_owned(),
    }
}

fn user_at_host(lookup: Lookup<'_>) -> String {
    let user = lookup("USER").or_else(|| lookup("LOGNAME")).filter(|u| !u.is_empty());
    let host = lookup("HOSTNAME").filter(|h| !h.is_empty()).or_else(|| {
        std::fs::read_to_string("/etc/hostname").ok().map(|h| h.trim().to_owned()).filter(|h| !h.is_empty())
    });
    format!("{}@{}", user.as_deref().unwrap_or("someone"), host.as_deref().unwrap_or("somewhere"))
}
