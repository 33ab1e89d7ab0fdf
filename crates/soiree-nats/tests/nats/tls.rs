use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use soiree::nats::NatsError;
use soiree::nats::async_nats::ConnectOptions;

use super::server::Server;
use super::support::{builder, builder_at, consume, receive, soiree, texts, until};

/// Makes an authority, and a certificate of its for this machine. Returns the part of the configuration that uses them.
fn certify(folder: &Path) -> String {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let names = vec![String::from("localhost"), String::from("127.0.0.1")];
    let params = CertificateParams::new(names).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let (pem, secret) = (folder.join("server.pem"), folder.join("server.key"));
    fs::write(&pem, certificate.pem()).unwrap();
    fs::write(&secret, key.serialize_pem()).unwrap();
    format!("tls {{ cert_file: {pem:?}, key_file: {secret:?} }}\n")
}

const PASSWORD: &str = "open sesame";

fn with_password(password: &str) -> ConnectOptions {
    ConnectOptions::with_user_and_password("ann".into(), password.into()).require_tls(true)
}

/// N8: a bridge speaks TLS with a server that its authority vouches for, and logs in; again, after the server was killed.
#[test]
fn a_bridge_speaks_tls_and_logs_in() {
    let folder = tempfile::tempdir().unwrap();
    let tls = certify(folder.path());
    let login = format!("authorization {{ user: ann, password: {PASSWORD:?} }}\n");
    let Some(mut server) = Server::start_with(&format!("{tls}{login}")) else {
        return;
    };
    let trusted = || with_password(PASSWORD).add_root_certificates(folder.path().join("ca.pem"));
    let soiree = soiree();
    let nats = builder(&server)
        .connect_options(trusted())
        .connect()
        .unwrap();
    nats.publish(&soiree, "mail.*").unwrap();
    nats.consume(&soiree, consume("shop", "mail.*").echo(true))
        .unwrap();
    let mails = texts(&soiree, "mail.*");
    soiree.emit("mail.sent", String::from("1")).unwrap().wait();
    assert_eq!(receive(&mails, 2), ["1", "1"]);
    server.kill();
    until("it is noticed", || !nats.stats().is_connected);
    server.run();
    until("it is connected again", || nats.stats().is_connected);
    soiree.emit("mail.sent", String::from("2")).unwrap().wait();
    assert_eq!(receive(&mails, 2), ["2", "2"]);

    // Neither a server that nobody vouches for, nor a wrong password.
    let untrusted = with_password(PASSWORD);
    let wrong = with_password("open barley").add_root_certificates(folder.path().join("ca.pem"));
    let nobody = ConnectOptions::new().add_root_certificates(folder.path().join("ca.pem"));
    for options in [untrusted, wrong, nobody] {
        let error = builder(&server)
            .connect_options(options)
            .connect()
            .unwrap_err();
        assert!(matches!(error, NatsError::Connect { .. }), "{error}");
        let text = format!("{error} {error:?}");
        assert!(
            !text.contains("sesame") && !text.contains("barley"),
            "{text}"
        );
    }
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// A token in the options logs in, and so do a token or a password in the URL, in which special characters are encoded.
#[test]
fn a_token_or_a_password_logs_in() {
    let Some(server) = Server::start_with("authorization { token: \"t0ken\" }") else {
        return;
    };
    let error = builder(&server).connect().unwrap_err();
    assert!(matches!(error, NatsError::Connect { .. }), "{error}");
    let options = ConnectOptions::with_token("t0ken".into());
    let nats = builder(&server).connect_options(options).connect();
    nats.unwrap().close().unwrap();
    let url = server.url().replace("nats://", "nats://t0ken@");
    builder_at(&url).connect().unwrap().close().unwrap();

    let login = "authorization { user: ann, password: \"open@sesame\" }";
    let server = Server::start_with(login).unwrap();
    let url = server.url().replace("nats://", "nats://ann:open%40sesame@");
    builder_at(&url).connect().unwrap().close().unwrap();
    let url = server.url().replace("nats://", "nats://ann:sesame@");
    let error = builder_at(&url).connect().unwrap_err();
    assert!(!error.to_string().contains("sesame"), "{error}");
}
