//! What is known of the connected directory: what the settings and the server say together.

use crate::{
    client::{Client, Pages, Search},
    delta::syncrepl,
    directory::{Directory, Vendor},
    enabled::Enabled,
    members::References,
    schema::{Anchor, Chosen, DN_AS_ANCHOR, Types},
    settings::{DeltaStrategy, Settings},
    subschema::{Subschema, Texts},
    syntax::Form,
};
use ecma_plugin_sdk::{Problem, Result};
use jiff::Timestamp;

/// The directory as the connector sees it.
pub(crate) struct Target {
    pub(crate) settings: Settings,
    pub(crate) directory: Directory,
    pub(crate) types: Types,
    /// Where entries are looked for, each a partition.
    pub(crate) bases: Vec<String>,
    strategy: DeltaStrategy,
    anchor: Option<String>,
    /// How the values of the anchor are written.
    pub(crate) anchor_form: Form,
    /// How accounts are disabled.
    pub(crate) enabled: Option<Enabled>,
    /// Which attributes name others by something else than their distinguished name.
    pub(crate) references: References,
}

impl Target {
    /// Asks the server; the inner error is everything in the settings that does not fit it.
    pub(crate) fn learn(
        client: &mut Client,
        settings: Settings,
    ) -> Result<Result<Target, Vec<Problem>>> {
        let directory = Directory::ask(client)?;
        let subschema = subschema(client, &directory)?;
        let enabled = match Enabled::of(&settings, &directory, &subschema) {
            Ok(enabled) => enabled,
            Err(problem) => return Ok(Err(vec![problem])),
        };
        let anchor = settings.anchor.clone().or_else(|| directory.anchor().map(str::to_owned));
        let chosen = Chosen {
            object_classes: settings.object_classes.clone(),
            operational: settings.operational_attributes,
            extensible: settings.extensible_attributes,
            aliases: settings.attribute_aliases.clone(),
            anchor: match anchor.filter(|name| !name.eq_ignore_ascii_case(DN_AS_ANCHOR)) {
                Some(name) => Anchor::Attribute(name),
                None => Anchor::Dn,
            },
            export_only: settings.export_only_attributes.clone(),
            read_only: settings.read_only_attributes.clone(),
        };
        let mut types = match Types::build(&subschema, &chosen) {
            Ok(types) => types,
            Err(problems) => return Ok(Err(problems)),
        };
        let references = References::of(&settings, &subschema);
        types.complete(enabled.as_ref(), &references);
        let first = types.iter().next().and_then(|kind| kind.object_type.anchors().next());
        let name = first.map(|anchor| anchor.name.clone());
        let field = types.iter().find_map(|kind| kind.field(name.as_deref()?));
        let anchor_form = field.map_or(Form::Text, |field| field.form);
        let anchor = field.map(|field| field.name.clone());
        let bases = directory.bases(&settings);
        let strategy = match (settings.delta_strategy, directory.strategy(), bases.first()) {
            (Some(said), ..) => said,
            (None, DeltaStrategy::Syncrepl, Some(base)) if !syncrepl::is_there(client, base)? => {
                DeltaStrategy::Timestamp
            }
            (None, usual, _) => usual,
        };
        Ok(Ok(Target {
            settings,
            directory,
            types,
            bases,
            strategy,
            anchor,
            anchor_form,
            enabled,
            references,
        }))
    }

    /// The attribute that is the anchor; `None`: the distinguished name is.
    pub(crate) fn anchor_attribute(&self) -> Option<&str> {
        self.anchor.as_deref()
    }

    /// Whether the anchor is the one by which the server itself tells entries apart.
    pub(crate) fn has_own_anchor(&self) -> bool {
        let own = self.directory.anchor();
        own.zip(self.anchor_attribute()).is_some_and(|(own, name)| own.eq_ignore_ascii_case(name))
    }

    /// How a delta import finds out what changed.
    pub(crate) fn strategy(&self) -> DeltaStrategy {
        self.strategy
    }

    /// Where the log of changes stands.
    pub(crate) fn change_log(&self) -> String {
        self.directory.change_log(&self.settings, self.strategy())
    }

    pub(crate) fn is_active_directory(&self) -> bool {
        self.directory.vendor == Vendor::ActiveDirectory
    }

    /// The host's own time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// The pages of a search, in the way the settings and the server allow.
    pub(crate) fn pages(&self, client: &mut Client, search: Search, size: u32) -> Result<Pages> {
        let order = self.anchor_attribute().unwrap_or("cn");
        let how = (self.settings.paging, size);
        Pages::begin(client, search, how, |kind| self.directory.has_control(kind), order)
    }
}

/// The schema that the server publishes (RFC 4512 §4.2).
fn subschema(client: &mut Client, directory: &Directory) -> Result<Subschema> {
    let names = ["objectClasses", "attributeTypes", "ldapSyntaxes", "dITContentRules"];
    let names = names.map(str::to_owned);
    let search = Search {
        filter: "(objectClass=subschema)".to_owned(),
        ..Search::entry(directory.subschema.as_str(), &names)
    };
    let found = client.find(&search)?.unwrap_or_default();
    let texts = |name: &String| -> Vec<String> {
        found.texts(name).into_iter().map(str::to_owned).collect()
    };
    let [classes, attributes, syntaxes, rules] = &names;
    let read = Subschema::read(Texts {
        object_classes: &texts(classes),
        attribute_types: &texts(attributes),
        ldap_syntaxes: &texts(syntaxes),
        content_rules: &texts(rules),
    });
    if let Some(first) = read.skipped().first() {
        let skipped = read.skipped().len();
        tracing::debug!(skipped, of = first.of, why = first.why, "Parts of the schema not read");
    }
    Ok(read)
}
