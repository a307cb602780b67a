use cordon_fixtures::{Authority, Smtp, SmtpTls};

use super::*;

fn config(smtp: &Smtp, security: Security) -> MailConfig {
    MailConfig {
        host: "127.0.0.2".into(),
        port: smtp.address().port(),
        security,
        from: "Cordon <cordon@provider.example>".into(),
        login: None,
        authorities: Vec::new(),
        total: Duration::from_secs(5),
    }
}

fn letter() -> Letter {
    Letter {
        id: "e-1".into(),
        to: "csirt@acme.example".into(),
        subject: "[TLP:AMBER] Incident #1 was opened".into(),
        body: "Gr\u{fc}\u{df}e\n.\nmore\n".into(),
    }
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn body_of(mail: &str) -> String {
    use base64::Engine as _;
    let (_, body) = mail.split_once("\r\n\r\n").unwrap();
    let coded: String = body.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(coded);
    String::from_utf8(bytes.unwrap()).unwrap()
}

#[tokio::test]
async fn a_letter_arrives_in_plain_on_this_machine() {
    let smtp = Smtp::start("127.0.0.2", SmtpTls::Never, None);
    let mailer = Mailer::new(&config(&smtp, Security::Plain)).unwrap();
    mailer.probe().await.unwrap();
    mailer.send(&letter(), now()).await.unwrap();
    let mail = smtp.mails().remove(0);
    assert_eq!(mail.from, "cordon@provider.example");
    assert_eq!(mail.to, ["csirt@acme.example"]);
    for head in [
        "From: Cordon <cordon@provider.example>\r\n",
        "To: csirt@acme.example\r\n",
        "Subject: [TLP:AMBER] Incident #1 was opened\r\n",
        "Message-ID: <e-1@provider.example>\r\n",
        "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n",
        "Auto-Submitted: auto-generated\r\n",
    ] {
        assert!(mail.text.contains(head), "{head} in {}", mail.text);
    }
    assert_eq!(body_of(&mail.text).replace("\r\n", "\n"), letter().body);
}

#[tokio::test]
async fn tls_is_used_and_a_stranger_is_not_trusted() {
    let authority = Authority::of(&["127.0.0.2"]);
    for (tls, security) in [
        (SmtpTls::OnRequest(authority.server()), Security::StartTls),
        (SmtpTls::AtOnce(authority.server()), Security::Tls),
    ] {
        let smtp = Smtp::start("127.0.0.2", tls, Some(("cordon", "secret")));
        let mut config = config(&smtp, security);
        config.login = Some(("cordon".into(), "secret".to_owned().into()));
        let wary = Mailer::new(&config).unwrap();
        wary.send(&letter(), now()).await.unwrap_err();
        config.authorities = vec![authority.der()];
        let mailer = Mailer::new(&config).unwrap();
        mailer.send(&letter(), now()).await.unwrap();
        assert!(smtp.mails().iter().all(|mail| mail.tls), "{security:?}");
        assert_eq!(smtp.mails().len(), 1, "{security:?}");
        // With another password there is none.
        config.login = Some(("cordon".into(), "wrong".to_owned().into()));
        let stranger = Mailer::new(&config).unwrap();
        let refused = stranger.send(&letter(), now()).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn who_offers_no_tls_gets_nothing_where_it_is_asked_for() {
    let smtp = Smtp::start("127.0.0.2", SmtpTls::Never, None);
    for security in [Security::StartTls, Security::Tls] {
        let mut config = config(&smtp, security);
        config.total = Duration::from_secs(1);
        let mailer = Mailer::new(&config).unwrap();
        mailer.send(&letter(), now()).await.unwrap_err();
    }
    assert!(smtp.mails().is_empty());
    let mut config = config(&smtp, Security::Plain);
    config.login = Some(("cordon".into(), "secret".to_owned().into()));
    assert!(Mailer::new(&config).is_err());
}

#[tokio::test]
async fn a_refusal_has_its_code() {
    let smtp = Smtp::start("127.0.0.2", SmtpTls::Never, None);
    let mailer = Mailer::new(&config(&smtp, Security::Plain)).unwrap();
    for code in [450, 550] {
        smtp.refuse(Some(code));
        let refused = mailer.send(&letter(), now()).await;
        assert_eq!(refused, Err(Failure::Refused(code)));
    }
    smtp.refuse(None);
    mailer.send(&letter(), now()).await.unwrap();
    let config = config(&smtp, Security::Plain);
    drop(smtp);
    let gone = Mailer::new(&config).unwrap();
    assert_eq!(gone.send(&letter(), now()).await, Err(Failure::Unreachable));
}

#[tokio::test]
async fn nothing_is_slipped_into_a_letters_head_or_its_recipients() {
    let smtp = Smtp::start("127.0.0.2", SmtpTls::Never, None);
    let mailer = Mailer::new(&config(&smtp, Security::Plain)).unwrap();
    let sly = Letter {
        subject: "one\r\nBcc: boss@evil.example\r\n\r\nbody\u{85}\u{2028}x".into(),
        body: "x\r\n.\r\nMAIL FROM:<evil@evil.example>\r\n".into(),
        ..letter()
    };
    mailer.send(&sly, now()).await.unwrap();
    let mails = smtp.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let (head, _) = mails[0].text.split_once("\r\n\r\n").unwrap();
    assert!(
        !head.contains("\nBcc") && !head.contains("\nbody"),
        "{head}"
    );
    assert_eq!(mails[0].to, ["csirt@acme.example"]);
    for bad in [
        "",
        "csirt",
        "csirt@localhost",
        "a@b@example.com",
        "csirt@[127.0.0.1]",
        "csirt@[IPv6:::1]",
        "\"a b\"@example.com",
        "a@example.com,b@example.com",
        "a@example.com>\r\nRCPT TO:<b@example.com",
        "A <a@example.com>",
        "a@example.com\n",
        " a@example.com",
    ] {
        assert!(address(bad).is_err(), "{bad:?}");
        let sly = Letter {
            to: bad.into(),
            ..letter()
        };
        mailer.send(&sly, now()).await.unwrap_err();
    }
    assert_eq!(smtp.mails().len(), 1);
    assert_eq!(
        address("csirt@acme.example").as_deref(),
        Ok("csirt@acme.example")
    );
}
