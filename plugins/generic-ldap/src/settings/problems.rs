//! What is wrong with the settings by themselves, without a look at the directory.

use super::{Bind, Encryption, PasswordMethod, Settings};
use crate::{dn::Name, template::Template};
use ecma_plugin_sdk::{Problem, tls};

/// The longest time that anything may take: ten minutes.
const LONGEST: u32 = 600;

impl Settings {
    /// What is wrong without a look at the directory.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |name: &str, text: &str| problems.push(Problem::new(name, text));
        if self.servers.iter().all(|server| server.trim().is_empty()) {
            wrong("servers", "is empty; name at least one server");
        }
        for server in self.servers.iter().filter(|server| server.contains("://")) {
            wrong(
                "servers",
                &format!(
                    "has \"{server}\"; a server is a name and perhaps a port, encryption says the rest"
                ),
            );
        }
        for (name, seconds) in [
            ("connect_timeout_seconds", self.connect_timeout_seconds),
            ("timeout_seconds", self.timeout_seconds),
            ("import_timeout_seconds", self.import_timeout_seconds),
        ] {
            if seconds == 0 || seconds > LONGEST {
                wrong(name, "is not between 1 and 600 seconds");
            }
        }
        if self.values_per_modification == 0 {
            wrong("values_per_modification", "is 0, and a change has at least one value");
        }
        self.encryption_problems(&mut wrong);
        self.log_in_problems(&mut wrong);
        self.name_problems(&mut wrong);
        problems
    }

    fn encryption_problems(&self, wrong: &mut dyn FnMut(&str, &str)) {
        let fingerprint = self.certificate_sha256.as_deref();
        if fingerprint.is_some_and(|text| tls::fingerprint(text).is_none()) {
            wrong("certificate_sha256", tls::NO_FINGERPRINT);
        }
        if self.ca_file.is_some() && fingerprint.is_some() {
            wrong("ca_file", "is not looked at beside certificate_sha256");
        }
        let said = self.ca_file.is_some() || fingerprint.is_some();
        if self.trust_any_certificate && said {
            wrong(
                "trust_any_certificate",
                "is on, so that ca_file and certificate_sha256 say nothing",
            );
        }
        if self.encryption == Encryption::Off && (said || self.client_certificate.is_some()) {
            wrong("encryption", "is off, and a certificate needs it");
        }
    }

    fn log_in_problems(&self, wrong: &mut dyn FnMut(&str, &str)) {
        match self.bind {
            Bind::Simple => {
                if self.user.as_deref().is_none_or(str::is_empty) {
                    wrong("user", "is needed to log in with bind = \"simple\"");
                }
                // With an empty one a server lets anybody in as nobody (RFC 4513 §5.1.2).
                if self.password.as_ref().is_none_or(|secret| secret.expose().is_empty()) {
                    wrong("password", "is needed to log in with bind = \"simple\"");
                }
            }
            Bind::Anonymous => {
                if self.user.is_some() || self.password.is_some() {
                    wrong("bind", "is anonymous, which has no user and no password");
                }
            }
            Bind::External => {
                if self.client_certificate.is_none() {
                    wrong("client_certificate", "is needed to log in with bind = \"external\"");
                }
            }
        }
        match (&self.client_certificate, &self.client_key) {
            (Some(_), None) => wrong("client_key", "is needed beside client_certificate"),
            (None, Some(_)) => wrong("client_certificate", "is needed beside client_key"),
            _ => {}
        }
        let sends = self.bind == Bind::Simple || self.password_method == PasswordMethod::Attribute;
        if self.encryption == Encryption::Off && sends && !self.allow_plain_password {
            wrong(
                "encryption",
                "is off, so that passwords could be read on the way; use ldaps or starttls, or set \
                 allow_plain_password",
            );
        }
    }

    fn name_problems(&self, wrong: &mut dyn FnMut(&str, &str)) {
        for (parameter, names) in [
            ("base", &self.base),
            ("include_containers", &self.include_containers),
            ("exclude_containers", &self.exclude_containers),
        ] {
            for name in names {
                if let Err(why) = Name::parse(name) {
                    wrong(
                        parameter,
                        &format!("has \"{name}\", which is no distinguished name: {why}"),
                    );
                }
            }
        }
        for entry in &self.dn_templates {
            match entry.split_once('=').map(|(_, text)| Template::parse(text.trim())) {
                None => {
                    wrong("dn_templates", &format!("has \"{entry}\", which names no object type"))
                }
                Some(Err(why)) => wrong("dn_templates", &format!("has \"{entry}\", which {why}")),
                Some(Ok(_)) => {}
            }
        }
        for (parameter, list, example) in [
            ("hierarchy", &self.hierarchy, "ou=organizationalUnit"),
            ("references", &self.references, "memberUid=uid"),
            ("filters", &self.filters, "user=(!(cn=svc-*))"),
        ] {
            let is_wrong = |entry: &&String| {
                entry
                    .split_once('=')
                    .is_none_or(|(a, b)| a.trim().is_empty() || b.trim().is_empty())
            };
            for entry in list.iter().filter(is_wrong) {
                wrong(parameter, &format!("has \"{entry}\"; it is to be as {example}"));
            }
        }
        for entry in &self.filters {
            let filter = entry.split_once('=').map_or("", |(_, filter)| filter.trim());
            if !filter.is_empty() && ldap3::parse_filter(filter).is_err() {
                wrong(
                    "filters",
                    &format!("has \"{entry}\", and {filter} is no filter of RFC 4515"),
                );
            }
        }
    }
}
