//! A page as a person has it before them: opened, clicked, typed into, read; and what it must not do meanwhile.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::driver::{Driver, Fault, until};

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Of a long page, a picture shows so many pixels.
const PICTURE_HEIGHT_MAX: u64 = 6000;

/// Where something is, as a person or a style sheet would say it.
#[derive(Clone, Copy, Debug)]
pub enum At<'a> {
    Css(&'a str),
    /// By what it says.
    Link(&'a str),
    /// By what it says, or is called.
    Button(&'a str),
}

impl At<'_> {
    fn as_json(self) -> Value {
        let says = |text: &str| format!("normalize-space(.)=\"{text}\" or @aria-label=\"{text}\"");
        let xpath = match self {
            Self::Css(css) => return json!({"using": "css selector", "value": css}),
            Self::Link(text) => format!("//a[{}]", says(text)),
            Self::Button(text) => format!("//button[{}]", says(text)),
        };
        json!({"using": "xpath", "value": xpath})
    }
}

/// A browser at the address of a bot.
pub struct Page {
    driver: Driver,
    name: &'static str,
    /// `http://127.0.0.1:41234`
    here: String,
    /// Every address that was asked for.
    asked: RefCell<Vec<String>>,
}

impl Page {
    /// A browser for the test `name` that is to look at `address`. `None`, and said aloud, where there is none.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests is to know")]
    pub fn new(name: &'static str, address: &str) -> Option<Self> {
        let Some(driver) = Driver::start() else {
            eprintln!(
                "SKIPPED: without Chromium and its driver (Debian: chromium, chromium-driver) no page is looked at"
            );
            return None;
        };
        // Of an earlier run.
        let _ = std::fs::remove_file(picture_of(&format!("{name}-FAILED")));
        Some(Self { driver, name, here: format!("http://{address}"), asked: RefCell::default() })
    }

    /// Opens a path of the bot.
    pub fn open(&self, path: &str) {
        self.open_elsewhere(&format!("{}{path}", self.here));
    }

    pub fn open_elsewhere(&self, url: &str) {
        self.tell("url", &json!({"url": url}));
    }

    /// The path and query that it is at.
    pub fn path(&self) -> String {
        let url = self.look("url");
        let url = url.as_str().unwrap();
        url.strip_prefix(&self.here).unwrap_or(url).to_owned()
    }

    pub fn title(&self) -> String {
        self.look("title").as_str().unwrap().to_owned()
    }

    pub fn click(&self, at: At<'_>) {
        self.do_at(at, |driver, element| driver.post(&format!("element/{element}/click"), &json!({})));
    }

    /// Types into a field, after what is there.
    pub fn type_into(&self, at: At<'_>, text: &str) {
        let keys = json!({"text": text});
        self.do_at(at, |driver, element| driver.post(&format!("element/{element}/value"), &keys));
    }

    /// Writes into a field in place of what is there.
    pub fn fill(&self, at: At<'_>, text: &str) {
        self.do_at(at, |driver, element| driver.post(&format!("element/{element}/clear"), &json!({})));
        self.type_into(at, text);
    }

    /// Presses keys wherever the focus is.
    pub fn press(&self, keys: &str) {
        let each = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()})));
        let actions = json!([{"type": "key", "id": "keys", "actions": each.collect::<Vec<_>>()}]);
        self.tell("actions", &json!({"actions": actions}));
    }

    /// How many there are.
    pub fn count(&self, at: At<'_>) -> usize {
        self.tell("elements", &at.as_json()).as_array().unwrap().len()
    }

    /// What is written there, as it is seen.
    pub fn text_at(&self, at: At<'_>) -> String {
        let text = self.do_at(at, |driver, element| driver.get(&format!("element/{element}/text")));
        text.as_str().unwrap().to_owned()
    }

    /// All that is written, as it is seen.
    pub fn text(&self) -> String {
        self.text_at(At::Css("body"))
    }

    /// Waits until something is so; without a new look at the address.
    pub fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        until(what, || so(self).then_some(()));
    }

    /// Waits until something is written there.
    pub fn until_says(&self, at: At<'_>, text: &str) {
        self.until(&format!("{at:?} says {text:?}"), |page| page.text_at(at).contains(text));
    }

    /// The value of a function's body in the page.
    pub fn run(&self, script: &str) -> Value {
        self.tell("execute/sync", &json!({"script": script, "args": []}))
    }

    /// A command of the browser's own.
    pub fn devtools(&self, command: &str, params: &Value) -> Value {
        self.tell("goog/cdp/execute", &json!({"cmd": command, "params": params}))
    }

    /// What the page's script holds in memory, once what it needs no more is gone.
    pub fn heap_bytes(&self) -> f64 {
        self.devtools("HeapProfiler.collectGarbage", &json!({}));
        self.devtools("Runtime.getHeapUsage", &json!({}))["usedSize"].as_f64().unwrap()
    }

    /// From now on a window as narrow as a phone.
    pub fn on_a_phone(&self) {
        let screen = json!({"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": true});
        self.devtools("Emulation.setDeviceMetricsOverride", &screen);
    }

    /// From now on `light` or `dark`.
    pub fn in_scheme(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// From the next page on, no script runs.
    pub fn without_script(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    }

    /// A picture of the whole page, kept in `target/screenshots`.
    pub fn picture(&self, name: &str) {
        let size = self.devtools("Page.getLayoutMetrics", &json!({}))["cssContentSize"].take();
        let height = size["height"].as_f64().unwrap_or(900.0).min(PICTURE_HEIGHT_MAX as f64);
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1});
        let shot = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let png = self.devtools("Page.captureScreenshot", &shot)["data"].take();
        keep(&format!("{}-{name}", self.name), &png).unwrap();
    }

    /// What the browser had to say of the page since it was asked last: scripts that failed, what the policy
    /// forbade, what could not be loaded.
    pub fn console(&self) -> Vec<String> {
        let mut entries = self.log("browser");
        entries.retain(|entry| entry["level"] != "DEBUG");
        entries.iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Every address that was asked for so far.
    pub fn asked(&self) -> Vec<String> {
        for entry in self.log("performance") {
            let told: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            if told["message"]["method"] == "Network.requestWillBeSent" {
                let url = told["message"]["params"]["request"]["url"].as_str().unwrap();
                // The browser's own first page, and what is written into an address asks nobody.
                if !["chrome:", "data:"].iter().any(|own| url.starts_with(own)) {
                    self.asked.borrow_mut().push(url.to_owned());
                }
            }
        }
        self.asked.borrow().clone()
    }

    /// The cookies of the page, with what scripts cannot see.
    pub fn cookies(&self) -> Vec<Value> {
        self.look("cookie").as_array().unwrap().clone()
    }

    /// Whether a dialog stands in the way.
    pub fn has_dialog(&self) -> bool {
        self.driver.get("alert/text").is_ok()
    }

    /// The end of a test: nothing was said on the console, and nobody but the bot was asked for anything.
    pub fn leave(self) {
        let asked = self.asked();
        let elsewhere: Vec<&String> = asked.iter().filter(|url| !url.starts_with(&self.here)).collect();
        assert!(elsewhere.is_empty(), "asked elsewhere: {elsewhere:#?}");
        let console = self.console();
        assert!(console.is_empty(), "{console:#?}");
    }

    /// The same, where this address is one that cannot be shown.
    pub fn leave_after(self, refused: &str) {
        let console = self.console();
        assert!(console.iter().all(|line| line.contains(refused)), "{console:#?}");
        self.leave();
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        self.tell("se/log", &json!({"type": kind})).as_array().unwrap().clone()
    }

    fn tell(&self, path: &str, body: &Value) -> Value {
        self.driver.post(path, body).unwrap_or_else(|fault| panic!("{path} {body}: {}", told(&fault)))
    }

    fn look(&self, path: &str) -> Value {
        self.driver.get(path).unwrap_or_else(|fault| panic!("{path}: {}", told(&fault)))
    }

    /// Waits for an element and does something with it; once more if it was swapped meanwhile.
    fn do_at(&self, at: At<'_>, act: impl Fn(&Driver, &str) -> Result<Value, Fault>) -> Value {
        const PASSING: [&str; 4] = [
            "no such element",
            "stale element reference",
            "element not interactable",
            "element click intercepted",
        ];
        let done = || {
            let found = self.driver.post("element", &at.as_json());
            match found.and_then(|element| act(&self.driver, element[ELEMENT].as_str().unwrap())) {
                Ok(value) => Some(value),
                Err(fault) if PASSING.contains(&fault.kind.as_str()) => None,
                Err(fault) => panic!("{at:?}: {}", told(&fault)),
            }
        };
        until(&format!("{at:?}"), done)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(png) = self.driver.get("screenshot")
        {
            // The test has a better reason to fail.
            let _ = keep(&format!("{}-FAILED", self.name), &png);
        }
    }
}

fn told(fault: &Fault) -> String {
    format!("{}: {}", fault.kind, fault.message)
}

/// Keeps a picture for people to look at.
fn keep(name: &str, png: &Value) -> std::io::Result<()> {
    let bytes = BASE64_STANDARD.decode(png.as_str().unwrap_or_default()).unwrap_or_default();
    let path = picture_of(name);
    std::fs::create_dir_all(path.with_file_name(""))?;
    std::fs::write(path, bytes)
}

/// `target/screenshots/NAME.png`
fn picture_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots").join(format!("{name}.png"))
}
