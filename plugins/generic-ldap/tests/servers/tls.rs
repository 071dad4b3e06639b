//! Encryption, and who is believed.

use crate::{
    place::{Place, connect, linked, reach, refusal},
    vendors::Vendor,
};
use ecma_plugin_sdk::{Values, prelude::*};
use targets::{Certificate, Directory};

/// Settings without a word about whom to believe.
fn bare(server: &Directory, vendor: &Vendor) -> Values {
    let mut values = reach(server, vendor);
    values.remove("ca_file");
    values
}

/// The same by StartTLS.
fn starttls(server: &Directory, values: &Values) -> Values {
    values.clone().with("encryption", "starttls").with("port", i64::from(server.port()))
}

pub(crate) fn a_server_is_believed_by_its_authority_or_its_fingerprint(place: &Place) {
    let values = bare(place, place.vendor);
    let fingerprint = place.certificate_sha256();
    for trust in [
        values.clone().with("ca_file", place.ca().to_str().unwrap()),
        values.clone().with("certificate_sha256", fingerprint),
        values.clone().with("trust_any_certificate", true),
    ] {
        for values in [starttls(place, &trust), trust] {
            connect(&values).test().unwrap();
        }
    }
    let other = values.clone().with("certificate_sha256", "00".repeat(32));
    for (wrong, said) in [(values, "name the authority in ca_file"), (other, "fingerprint")] {
        for values in [starttls(place, &wrong), wrong] {
            let error = refusal(&values);
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.message().contains(said), "{error}");
        }
    }
}

pub(crate) fn a_password_is_not_sent_in_the_open_unless_the_settings_say_so(place: &Place) {
    let plain = bare(place, place.vendor).with("encryption", "off");
    let plain = plain.with("port", i64::from(place.port()));
    let problems = linked().check(&plain).unwrap();
    assert_eq!(problems.iter().map(|p| p.at.as_str()).collect::<Vec<_>>(), ["encryption"]);
    connect(&plain.with("allow_plain_password", true)).test().unwrap();
}

/// With servers of their own.
pub(crate) fn what_is_wrong_with_a_certificate_is_said(place: &Place) {
    for (certificate, said) in
        [(Certificate::Expired, "has expired"), (Certificate::WrongName, "is for another name")]
    {
        let server = (place.vendor.with)(certificate);
        let values = reach(&server, place.vendor);
        for values in [starttls(&server, &values), values] {
            let error = refusal(&values);
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.message().contains(said), "{error}");
        }
        let values = bare(&server, place.vendor);
        connect(&values.with("certificate_sha256", server.certificate_sha256())).test().unwrap();
    }
    let server = (place.vendor.with)(Certificate::SelfSignedAuthority);
    let error = refusal(&reach(&server, place.vendor));
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.message().contains("certificate_sha256"), "{error}");
    let values = bare(&server, place.vendor);
    connect(&values.with("certificate_sha256", server.certificate_sha256())).test().unwrap();
}
