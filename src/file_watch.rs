//! Tells that files may have changed, so that nobody has to look at them again and again.
//!
//! On Linux the kernel says so (inotify). Where it does not, `patience` is short: then looking is all there is.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use self::device::Device;

/// Between two looks where the system says when there is something to see: in case it once did not.
const SELDOM: Duration = Duration::from_secs(60);
/// Where it says nothing: no inotify, too many watches, or a file system that others write to from elsewhere.
const OFTEN: Duration = Duration::from_secs(2);
/// Links on the way to a file; as many as Linux follows.
const LINKS_MAX: usize = 40;

/// What is watched, for changes of any kind: written and closed, replaced, renamed, gone, come back.
pub struct FileWatch {
    device: Option<Device>,
    tells: bool,
}

impl FileWatch {
    /// Watches nothing yet. Make it inside the runtime.
    pub fn new() -> Self {
        let device = Device::new().inspect_err(|why| tracing::debug!(%why, "files cannot be watched")).ok();
        Self { device, tells: false }
    }

    /// Watches these files and folders from now on, and nothing else. Blocks as long as their file systems do.
    pub fn over<P: AsRef<Path>>(&mut self, places: impl IntoIterator<Item = P>) {
        self.tells = match &mut self.device {
            Some(device) => device.over(places),
            None => false,
        };
    }

    /// Waits until something may have changed since the last call.
    pub async fn stirred(&self) {
        match &self.device {
            Some(device) => device.stirred().await,
            None => std::future::pending().await,
        }
    }

    /// How long silence can be taken for "nothing has changed".
    pub fn patience(&self) -> Duration {
        if self.tells { SELDOM } else { OFTEN }
    }
}

impl Default for FileWatch {
    fn default() -> Self {
        Self::new()
    }
}

/// What to watch for a file to be followed through everything that can happen to its name: each folder in which
/// a link on the way to it lies, its own folder, and itself, since a mount can hide its folder from who writes
/// to it. Of a way that breaks off, the last folder that is there.
pub fn way_to(path: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    let mut here = PathBuf::from(if path.is_absolute() { "/" } else { "." });
    let mut ahead = names(path);
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        let next = here.join(&name);
        let link = next
            .symlink_metadata()
            .and_then(|found| if found.is_symlink() { next.read_link().map(Some) } else { Ok(None) });
        match link {
            Ok(None) if ahead.is_empty() => places.extend([here.clone(), next.clone()]),
            Ok(None) => {}
            Ok(Some(target)) if links < LINKS_MAX => {
                links += 1;
                places.push(here.clone());
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                ahead.extend(names(&target));
                continue;
            }
            Ok(Some(_)) | Err(_) => {
                places.push(here);
                break;
            }
        }
        here = next;
    }
    places
}

/// The names in a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let name = |part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(name).collect()
}

#[cfg(target_os = "linux")]
mod device {
    use std::io;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use tokio::net::unix::pipe;

    /// Events are not looked at one by one; so many bytes of them are taken at a time.
    const EVENT_BYTES: usize = 4096;

    /// File systems that do not tell what was written from another machine, or from outside of this one.
    const REMOTE: [u32; 11] = [
        0x0000_6969, // NFS
        0xff53_4d42, // CIFS
        0xfe53_4d42, // SMB 2
        0x0000_517b, // SMB
        0x6573_5546, // FUSE
        0x0102_1997, // 9P
        0x00c3_6400, // Ceph
        0x5346_414f, // AFS
        0x6b41_4653, // AFS, the kernel's own
        0x0bd0_0bd0, // Lustre
        0x786f_4256, // VirtualBox
    ];

    pub(super) struct Device {
        /// What is read from it comes as from a pipe.
        inotify: pipe::Receiver,
        watched: Vec<i32>,
    }

    impl Device {
        pub(super) fn new() -> io::Result<Self> {
            let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            Ok(Self { inotify: pipe::Receiver::from_owned_fd_unchecked(inotify)?, watched: Vec::new() })
        }

        /// Returns whether all of these tell what happens to them.
        pub(super) fn over<P: AsRef<Path>>(&mut self, places: impl IntoIterator<Item = P>) -> bool {
            let mut tell = true;
            let mut watched = Vec::new();
            for place in places {
                let place = place.as_ref();
                // What is watched already keeps its number.
                match inotify::add_watch(&self.inotify, place, changes()) {
                    Ok(number) => watched.push(number),
                    Err(why) => {
                        tracing::debug!(place = %place.display(), %why, "cannot be watched");
                        tell = false;
                    }
                }
                tell &= !is_remote(place);
            }
            for gone in self.watched.iter().filter(|number| !watched.contains(number)) {
                // What was deleted is not watched any more either.
                let _ = inotify::remove_watch(&self.inotify, *gone);
            }
            self.watched = watched;
            tell
        }

        pub(super) async fn stirred(&self) {
            let mut room = [0; EVENT_BYTES];
            while self.inotify.readable().await.is_ok() {
                match self.inotify.try_read(&mut room) {
                    Ok(_) => return,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => break,
                }
            }
            // The runtime ends.
            std::future::pending::<()>().await;
        }
    }

    /// Nothing of what a reader does, and not each write.
    fn changes() -> WatchFlags {
        WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
    }

    fn is_remote(place: &Path) -> bool {
        rustix::fs::statfs(place).is_ok_and(|found| REMOTE.contains(&(found.f_type as u32)))
    }
}

#[cfg(not(target_os = "linux"))]
mod device {
    use std::io;
    use std::path::Path;

    pub(super) enum Device {}

    impl Device {
        pub(super) fn new() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn over<P: AsRef<Path>>(&mut self, _: impl IntoIterator<Item = P>) -> bool {
            match *self {}
        }

        pub(super) async fn stirred(&self) {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn shown(root: &Path, path: &str) -> Vec<String> {
        let of = |place: PathBuf| {
            let place = place.strip_prefix(root).unwrap_or(&place).to_owned();
            place.to_str().unwrap().to_owned()
        };
        way_to(&root.join(path)).into_iter().map(of).collect()
    }

    #[test]
    fn a_file_is_followed_through_its_links_and_as_far_as_it_is_there() {
        let temp = tempfile::tempdir().unwrap();
        // A temporary folder may lie behind a link of its own.
        let root = temp.path().canonicalize().unwrap();
        for folder in ["plain", "first", "far/below"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in ["plain/rules", "first/rules"] {
            fs::write(root.join(file), "").unwrap();
        }
        for (link, to) in [
            ("current", "first"),
            ("rules", "current/rules"),
            ("far/up", "../plain/rules"),
            ("far/root", "/"),
            ("round", "about"),
            ("about", "round"),
        ] {
            symlink(to, root.join(link)).unwrap();
        }
        for (path, expected) in [
            ("plain/rules", &["plain", "plain/rules"][..]),
            ("./plain/../plain/rules", &["plain/../plain", "plain/../plain/rules"]),
            // As Kubernetes does it.
            ("rules", &["", "", "first", "first/rules"]),
            ("far/up", &["far", "far/../plain", "far/../plain/rules"]),
            ("plain/none", &["plain"]),
            ("none/rules", &[""]),
            ("far/below/none/rules", &["far/below"]),
        ] {
            assert_eq!(shown(&root, path), expected, "{path}");
        }
        assert_eq!(shown(&root, "far/root").first().unwrap(), "far");
        assert!(shown(&root, "round").len() <= LINKS_MAX + 1);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn whatever_happens_to_what_is_watched_stirs_and_nothing_else_does() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("folder/rules"), "1").unwrap();
        let mut watch = FileWatch::new();
        let stirred = async |watch: &FileWatch| {
            let soon = Duration::from_secs(60);
            tokio::time::timeout(soon, watch.stirred()).await.expect("it stirs");
        };
        let steps: [(&str, &dyn Fn()); 7] = [
            ("written", &|| fs::write(at("folder/rules"), "2").unwrap()),
            ("replaced", &|| {
                fs::write(at("new"), "3").unwrap();
                fs::rename(at("new"), at("folder/rules")).unwrap();
            }),
            ("deleted", &|| fs::remove_file(at("folder/rules")).unwrap()),
            ("written again", &|| fs::write(at("folder/rules"), "4").unwrap()),
            ("moved away with its folder", &|| fs::rename(at("folder"), at("away")).unwrap()),
            ("moved back", &|| fs::rename(at("away"), at("folder")).unwrap()),
            ("gone with its folder", &|| fs::remove_dir_all(at("folder")).unwrap()),
        ];
        for (what, step) in steps {
            watch.over(way_to(&at("folder/rules")));
            assert_eq!(watch.patience(), SELDOM, "before it is {what}");
            // What the step before left behind has been told by now.
            while tokio::time::timeout(Duration::ZERO, watch.stirred()).await.is_ok() {}
            fs::read(at("folder/rules")).ok();
            fs::write(at("beside"), what).unwrap();
            let beside = what == "written again" || what == "moved back";
            let idle = tokio::time::timeout(Duration::ZERO, watch.stirred()).await.is_err();
            assert!(idle || beside, "{what}");
            step();
            stirred(&watch).await;
        }
        watch.over([at("folder")]);
        assert_eq!(watch.patience(), OFTEN, "what is not there tells nothing");
    }
}
