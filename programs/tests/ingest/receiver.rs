//! A server of somebody else, which events are sent on to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// A request that has arrived: its headers by their names in small letters.
pub(crate) type Headers = HashMap<String, String>;

/// An answer that never comes: the connection stays open.
pub(crate) const SILENCE: &str = "";

/// Starts a server that answers each request as `answer` says, and returns its URL and what arrives.
pub(crate) fn receiver(
    answer: impl Fn(usize) -> &'static str + Send + 'static,
) -> (String, Receiver<Headers>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (send, arrived) = mpsc::channel();
    thread::spawn(move || {
        let mut silent = Vec::new();
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let Some(headers) = read(&stream) else {
                continue;
            };
            let head = answer(number);
            if head == SILENCE {
                silent.push(stream);
            } else {
                let end = "content-length: 0\r\nconnection: close\r\n\r\n";
                let _ = (&stream).write_all(format!("HTTP/1.1 {head}\r\n{end}").as_bytes());
            }
            if send.send(headers).is_err() {
                return;
            }
        }
    });
    (url, arrived)
}

fn read(stream: &TcpStream) -> Option<Headers> {
    let mut reader = BufReader::new(stream);
    let mut headers = Headers::new();
    reader.read_line(&mut String::new()).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.into());
    }
    let bytes = headers.get("content-length")?.parse().ok()?;
    reader.read_exact(&mut vec![0; bytes]).ok()?;
    Some(headers)
}
