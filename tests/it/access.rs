//! Who may see and change what over `--listen`: requests as they go over real sockets, and what they get.

use crate::web::{Door, ask};

const TOKEN: &str = "0123456789abcdef-token";

/// A request by its first line and its other headers, and the status that answers it.
type Row<'r> = (&'r str, &'r [&'r str], u16);

async fn check(door: &Door, rows: &[Row<'_>]) {
    let host = door.at.to_string();
    for (first, headers, status) in rows {
        let headers: Vec<String> = headers.iter().map(|line| line.replace("HERE", &host)).collect();
        let named = headers.iter().any(|line| line.to_lowercase().starts_with("host:"));
        let host = if named { String::new() } else { format!("Host: {host}\r\n") };
        let lines = headers.iter().fold(String::new(), |lines, line| lines + line + "\r\n");
        let answer =
            ask(door.at, &format!("{first} HTTP/1.1\r\n{host}{lines}Connection: close\r\n\r\n")).await;
        let got = answer.split(' ').nth(1).unwrap_or_default();
        assert_eq!(got, status.to_string(), "{first} {headers:?}\n{answer}");
        guarded(&answer);
    }
}

/// What every answer forbids a browser.
fn guarded(answer: &str) {
    let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
    for line in [
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "content-security-policy: default-src 'none';",
        "frame-ancestors 'none'",
    ] {
        assert!(head.contains(line), "{line}\n{head}");
    }
    assert!(!head.contains("access-control-"), "{head}");
}

const BEARER: &str = "Authorization: Bearer 0123456789abcdef-token";
const WRONG: &str = "Authorization: Bearer 0123456789abcdef-tokem";

#[tokio::test]
async fn on_this_machine_reading_is_open_and_no_page_elsewhere_can_change_anything() {
    let door = Door::open("127.0.0.1", None).await;
    // There is no rules file to read again: 503 says that the door was open.
    check(
        &door,
        &[
            ("GET /healthz", &[], 200),
            ("GET /metrics", &[], 200),
            // Nobody is behind the door: the page says so.
            ("GET /", &[], 503),
            ("GET /nowhere", &[], 404),
            ("GET /metrics", &["Host: localhost:9090"], 200),
            ("GET /metrics", &["Host: evil.example"], 403),
            ("GET /metrics", &["Host: evil.example:80", "Origin: http://evil.example:80"], 403),
            ("GET /metrics", &["Host: HERE", "Host: evil.example"], 403),
            ("GET http://evil.example/metrics", &[], 403),
            ("GET /healthz", &["Host: evil.example"], 200),
            // A page elsewhere that puts us into a frame, an image or a script; and somebody who follows a link.
            ("GET /metrics", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
            ("GET /metrics", &["Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"], 403),
            (
                "GET /",
                &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"],
                403,
            ),
            (
                "GET /",
                &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
                503,
            ),
            ("GET /metrics", &["Origin: https://evil.example"], 403),
            // What changes something.
            ("POST /-/reload", &[], 503),
            ("POST /-/reload", &["Origin: http://HERE", "Sec-Fetch-Site: same-origin"], 503),
            ("POST /-/reload", &["Origin: https://evil.example"], 403),
            ("POST /-/reload", &["Origin: null"], 403),
            ("POST /-/reload", &["Origin: http://HERE.evil.example"], 403),
            ("POST /-/reload", &["Sec-Fetch-Site: cross-site"], 403),
            (
                "POST /-/reload",
                &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
                403,
            ),
            ("POST /-/reload", &["Host: evil.example", "Origin: http://evil.example"], 403),
            (
                "OPTIONS /-/reload",
                &["Origin: https://evil.example", "Access-Control-Request-Method: POST"],
                403,
            ),
            // Handed on by a proxy that nobody has told us of.
            ("GET /metrics", &["X-Forwarded-For: 203.0.113.7"], 403),
            ("POST /-/reload", &["Forwarded: for=203.0.113.7"], 403),
        ],
    )
    .await;
}

#[tokio::test]
async fn on_this_machine_a_token_is_asked_of_those_who_change_something() {
    let door = Door::open("127.0.0.1", Some(TOKEN)).await;
    check(
        &door,
        &[
            ("GET /metrics", &[], 200),
            ("GET /metrics", &["Host: bot.example"], 401),
            ("GET /metrics", &["Host: bot.example", BEARER], 200),
            ("GET /metrics", &["X-Forwarded-For: 203.0.113.7"], 401),
            ("POST /-/reload", &[], 401),
            ("POST /-/reload", &[WRONG], 401),
            ("POST /-/reload", &[BEARER], 503),
            ("POST /-/reload", &[BEARER, "Origin: https://evil.example"], 403),
        ],
    )
    .await;
}

#[tokio::test]
async fn beyond_this_machine_everything_but_the_probes_wants_the_token() {
    let door = Door::open("0.0.0.0", Some(TOKEN)).await;
    let long = format!("Authorization: Bearer {}", "x".repeat(4000));
    check(
        &door,
        &[
            ("GET /healthz", &[], 200),
            ("GET /readyz", &[], 503),
            ("GET /", &[], 401),
            ("GET /metrics", &[], 401),
            ("GET /nowhere", &[], 401),
            ("POST /-/reload", &[], 401),
            ("DELETE /", &[], 401),
            ("GET /metrics", &[BEARER], 200),
            ("GET /metrics", &["authorization: bearer 0123456789abcdef-token", "Host: doorchime:9090"], 200),
            ("GET /metrics", &[WRONG], 401),
            ("GET /metrics", &["Authorization: Bearer"], 401),
            ("GET /metrics", &["Authorization: Bearer "], 401),
            ("GET /metrics", &["Authorization: 0123456789abcdef-token"], 401),
            ("GET /metrics", &["Authorization: Basic MDEyMzQ1Njc4OWFiY2RlZi10b2tlbg=="], 401),
            ("GET /metrics", &[&long], 401),
            ("GET /metrics?token=0123456789abcdef-token", &[], 401),
            ("GET /metrics", &["Cookie: doorchime_pass=0123456789abcdef-token"], 401),
            ("GET /metrics", &[BEARER, "Origin: https://evil.example"], 403),
            ("POST /-/reload", &[BEARER], 503),
            ("POST /-/reload", &[BEARER, "Sec-Fetch-Site: cross-site"], 403),
        ],
    )
    .await;
}

#[tokio::test]
async fn beyond_this_machine_without_a_token_only_the_probes_answer_and_say_what_to_do() {
    let door = Door::open("0.0.0.0", None).await;
    check(
        &door,
        &[
            ("GET /healthz", &[], 200),
            ("GET /readyz", &[], 503),
            ("GET /", &[], 403),
            ("GET /metrics", &[], 403),
            ("GET /metrics", &["Host: localhost"], 403),
            ("POST /-/reload", &[], 403),
            ("GET /metrics", &[BEARER], 403),
        ],
    )
    .await;
    let told = ask(door.at, "GET /metrics HTTP/1.0\r\n\r\n").await;
    assert!(told.contains("--token or DOORCHIME_TOKEN"), "{told}");
}

#[tokio::test]
async fn a_stranger_learns_which_part_is_not_ready_but_not_why() {
    let door = Door::open("0.0.0.0", Some(TOKEN)).await;
    door.status.target_disabled(&"team".into(), "answered 404");
    door.status.store_broken("the disk is full");
    let stranger = ask(door.at, "GET /readyz HTTP/1.0\r\n\r\n").await;
    assert!(stranger.contains(r#""state": "broken""#), "{stranger}");
    assert!(!stranger.contains("team") && !stranger.contains("disk"), "{stranger}");
    let reader = ask(door.at, &format!("GET /readyz HTTP/1.0\r\n{BEARER}\r\n\r\n")).await;
    assert!(reader.contains("answered 404") && reader.contains("the disk is full"), "{reader}");
}

#[tokio::test]
async fn a_browser_shows_the_token_once_and_keeps_a_pass() {
    let door = Door::open("0.0.0.0", Some(TOKEN)).await;
    let host = door.at.to_string();
    let form =
        ask(door.at, &format!("GET / HTTP/1.0\r\nHost: {host}\r\nAccept: text/html,*/*\r\n\r\n")).await;
    assert!(
        form.starts_with("HTTP/1.0 401") && form.contains("<form method=\"post\" action=\"/login\">"),
        "{form}"
    );
    assert!(form.contains("style-src 'sha256-") && form.contains("form-action 'self'"), "{form}");
    let log_in = async |body: &str, origin: &str| {
        let request = format!(
            "POST /login HTTP/1.0\r\nHost: {host}\r\nOrigin: {origin}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        ask(door.at, &request).await
    };
    let here = format!("http://{host}");
    for wrong in ["token=guess", "token=", "", "tokens=0123456789abcdef-token", "token=%"] {
        let told = log_in(wrong, &here).await;
        assert!(told.starts_with("HTTP/1.0 401") && told.contains("not the token"), "{wrong}: {told}");
        assert!(!told.to_lowercase().contains("set-cookie"), "{told}");
    }
    let good = format!("token={}", TOKEN.replace('-', "%2D"));
    assert!(log_in(&good, "https://evil.example").await.starts_with("HTTP/1.0 403"));
    let entered = log_in(&good, &here).await;
    assert!(entered.starts_with("HTTP/1.0 303") && entered.contains("location: /\r\n"), "{entered}");
    let cookie = entered.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict") && !cookie.contains(TOKEN), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert!(log_in(&good, &format!("https://{host}")).await.contains("; Secure"));
    let pass = format!("Cookie: theme=dark; {}", cookie.split(';').next().unwrap());
    check(
        &door,
        &[
            ("GET /metrics", &[&pass], 200),
            ("GET /metrics", &[&pass, WRONG], 401),
            ("POST /-/reload", &[&pass, "Origin: http://HERE"], 503),
            ("POST /-/reload", &[&pass, "Origin: https://evil.example"], 403),
            ("POST /logout", &[&pass, "Origin: http://HERE"], 303),
        ],
    )
    .await;
    let other = Door::open("0.0.0.0", Some("another-token-0123456")).await;
    check(&other, &[("GET /metrics", &[&pass], 401)]).await;
}

#[tokio::test]
async fn where_reading_is_open_a_browser_finds_the_way_to_the_token_and_back() {
    let door = Door::open("127.0.0.1", Some(TOKEN)).await;
    let host = door.at.to_string();
    let request = async |first: &str, lines: &str| {
        ask(door.at, &format!("{first} HTTP/1.0\r\nHost: {host}\r\nAccept: text/html\r\n{lines}\r\n")).await
    };
    let outside = request("GET /", "").await;
    assert!(outside.contains("href=\"/login\"") && !outside.contains("Log out"), "{outside}");
    let form = request("GET /login", "").await;
    assert!(form.starts_with("HTTP/1.0 200") && !form.contains("not the token"), "{form}");
    // A button without the token asks for it, too.
    let refused = request("POST /deliveries/1/retry", &format!("Origin: http://{host}\r\n")).await;
    assert!(refused.starts_with("HTTP/1.0 401") && refused.contains("action=\"/login\""), "{refused}");
    let pass = doorchime::web::token::Token::new(TOKEN.into()).unwrap().pass();
    let inside = request("GET /", &format!("Cookie: doorchime_pass={pass}\r\n")).await;
    assert!(inside.contains("Log out") && !inside.contains("href=\"/login\""), "{inside}");
}

#[tokio::test]
async fn the_login_leads_back_to_where_one_was_and_nowhere_else() {
    let door = Door::open("0.0.0.0", Some(TOKEN)).await;
    let host = door.at.to_string();
    let request = async |first: &str, lines: &str, body: &str| {
        let length = body.len();
        let head = format!("{first} HTTP/1.0\r\nHost: {host}\r\nAccept: text/html\r\n{lines}");
        ask(door.at, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
    };
    let back = |form: &str| {
        let (_, field) = form.split_once("name=\"back\" type=\"hidden\" value=\"").unwrap();
        field.split_once('"').unwrap().0.to_owned()
    };
    let here = |path: &str| format!("Referer: http://{host}{path}\r\n");
    let deliveries = "/?view=deliveries&state=dead";
    // A page, a button on a page, and the link to the form.
    for (first, lines) in [
        (format!("GET {deliveries}"), String::new()),
        ("POST /deliveries/1/retry".to_owned(), here(deliveries)),
        ("GET /login".to_owned(), here(deliveries)),
    ] {
        let form = request(&first, &lines, "").await;
        assert_eq!(back(&form), deliveries.replace('&', "&amp;"), "{first}");
    }
    for (first, lines) in [
        ("GET /login", String::new()),
        ("GET /login", here("/login")),
        ("GET /login", "Referer: http://evil.example/?view=rules\r\n".to_owned()),
        ("GET /login", format!("Referer: http://{host}.evil.example/?view=rules\r\n")),
        ("POST /deliveries/1/retry", "Referer: nonsense\r\n".to_owned()),
        ("GET //evil.example/", String::new()),
    ] {
        let form = request(first, &lines, "").await;
        assert_eq!(back(&form), "/", "{first} {lines}");
    }
    let log_in = async |token: &str, back: &str| {
        request("POST /login", "", &format!("token={token}&back={back}")).await
    };
    let again = log_in("guess", "%2F%3Fview%3Drules%22%3E%3Cb%3E").await;
    assert!(again.starts_with("HTTP/1.0 401") && !again.contains("<b>"), "{again}");
    assert_eq!(back(&again), "/?view=rules&quot;&gt;&lt;b&gt;");
    for (asked, location) in [
        ("%2F%3Fview%3Drules", "/?view=rules"),
        ("%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("https%3A%2F%2Fevil.example", "/"),
        ("%2F%0D%0ASet-Cookie%3A%20x%3Dy", "/"),
        ("%2F%09%2Fevil.example", "/"),
        ("%2Flogout", "/"),
        ("", "/"),
    ] {
        let entered = log_in(TOKEN, asked).await;
        assert!(entered.starts_with("HTTP/1.0 303"), "{entered}");
        assert!(entered.contains(&format!("\nlocation: {location}\r\n")), "{asked}: {entered}");
        assert!(!entered.contains("x=y"), "{entered}");
    }
}
