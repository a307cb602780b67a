use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;

fn refused(code: Code, reason: &str, domain: &str) -> Status {
    let mut details = ErrorDetails::new();
    let metadata = [("oldest_cursor".to_owned(), "17".to_owned())];
    details
        .set_error_info(
            reason,
            domain,
            metadata.into_iter().collect::<HashMap<_, _>>(),
        )
        .add_bad_request_violation("filter", "no column `opration` at 1")
        .set_retry_info(Some(Duration::from_secs(3)));
    Status::with_error_details(code, "no such column", details)
}

#[test]
fn a_refusal_keeps_all_that_the_server_said() {
    let error = Error::from(refused(Code::InvalidArgument, "INVALID_FILTER", DOMAIN));
    assert_eq!(*error.reason(), Reason::InvalidFilter);
    assert_eq!(error.code(), Some(Code::InvalidArgument));
    assert_eq!(error.message(), "no such column");
    assert_eq!(error.violations()[0].field, "filter");
    assert_eq!(
        error.violations()[0].description,
        "no column `opration` at 1"
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(error.metadata("oldest_cursor"), Some("17"));
    assert!(error.was_not_done());
    assert_eq!(error.to_string(), "no such column [INVALID_FILTER]");
}

#[test]
fn a_new_reason_is_kept_and_a_foreign_domain_is_not_believed() {
    let error = Error::from(refused(Code::Unavailable, "MOON_PHASE", DOMAIN));
    assert_eq!(error.reason().as_str(), "MOON_PHASE");
    let error = Error::from(refused(Code::NotFound, "UNAUTHENTICATED", "proxy.example"));
    assert_eq!(*error.reason(), Reason::NotFound);
    assert!(!error.was_not_done());
}

#[test]
fn codes_without_details_have_a_reason() {
    for (code, reason) in [
        (Code::Unauthenticated, "UNAUTHENTICATED"),
        (Code::Unimplemented, "UNIMPLEMENTED"),
        (Code::OutOfRange, "TOO_LARGE"),
        (Code::DataLoss, "INTERNAL"),
    ] {
        let error = Error::from(Status::new(code, ""));
        assert_eq!(error.reason().as_str(), reason);
        assert!(!error.message().is_empty());
    }
}

#[test]
fn a_lost_connection_is_transient_and_a_refused_certificate_is_not() {
    let lost = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset");
    let error = Error::from(Status::from_error(Box::new(lost)));
    assert_eq!(*error.reason(), Reason::Unavailable);
    assert!(error.is_transient());

    let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRevoked);
    let alert = std::io::Error::new(std::io::ErrorKind::InvalidData, alert);
    let error = Error::from(Status::from_error(Box::new(alert)));
    assert_eq!(*error.reason(), Reason::Unauthenticated);
    assert!(!error.is_transient());

    let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    let unknown = std::io::Error::new(std::io::ErrorKind::InvalidData, unknown);
    let error = Error::connect("https://127.0.0.1:1", &unknown);
    assert_eq!(*error.reason(), Reason::UntrustedServer);
}

#[test]
fn only_what_may_pass_by_itself_is_transient() {
    let transient = |code, reason| Error::from(refused(code, reason, DOMAIN)).is_transient();
    assert!(transient(Code::Unavailable, "UNAVAILABLE"));
    assert!(transient(Code::ResourceExhausted, "QUOTA_EXCEEDED"));
    assert!(!transient(Code::Aborted, "ETAG_MISMATCH"));
    assert!(!transient(Code::PermissionDenied, "TENANT_SUSPENDED"));
    let without_delay = Error::from(Status::resource_exhausted("full"));
    assert!(!without_delay.is_transient());
}

#[test]
fn reasons_are_read_as_they_are_written() {
    for text in [
        "NOT_FOUND",
        "INVALID_RULE",
        "READER_TOO_SLOW",
        "EVIDENCE_DAMAGED",
        "INVALID_PROFILE",
        "SOMETHING_NEW",
    ] {
        assert_eq!(Reason::from_text(text).as_str(), text);
    }
}
