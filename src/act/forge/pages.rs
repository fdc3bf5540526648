//! In: the whole plan of a pull request, whose comment has no room for it. Out: a page of it, and its address.
//! Guarantee: an address names one text for ever, and nobody finds it who was not told of it; the newest pages are kept.
use crate::client::directory::Directory;
use crate::decide::value::{Domain, Fault, Hasher, Owner, Source};
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

/// How many pages are kept: each is of a pull request, of which hundreds are open at most.
const PAGES_MAX: usize = 1000;

/// The most bytes of a page: what a person searches in, and a hundredth of what a disk has.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// Where pages are.
#[derive(Clone, Debug)]
pub struct Pages {
    folder: PathBuf,
    /// The address below which `serve` shows them, without a slash at its end.
    url: String,
}

impl Pages {
    /// Takes the folder, and the address at which `serve` is reached from outside.
    pub fn new(folder: PathBuf, url: &str) -> Self {
        Self { folder, url: url.trim_end_matches('/').to_owned() }
    }

    /// Keeps a text, and returns its address.
    pub fn keep(&self, text: &str) -> Result<String, Fault> {
        let mut hasher = Hasher::new(Domain("plan-page/1"));
        hasher.bytes(text.as_bytes());
        let name = hasher.finish().to_string();
        let cut = text.floor_char_boundary(PAGE_BYTES_MAX);
        let (told, rest) = text.split_at(cut);
        let told =
            if rest.is_empty() { told.to_owned() } else { format!("{told}\n… and {} bytes more\n", rest.len()) };
        let folder = Directory::make(&self.folder);
        folder.and_then(|folder| folder.replace(&name, told.as_bytes())).map_err(|error| Fault {
            owner: Owner::Operator,
            spurious: true,
            hint: Some("look at the rights of the state folder, and the space left".into()),
            source: Source::Error(format!("could not keep the page of a plan: {error}").into()),
        })?;
        self.forget();
        Ok(format!("{}/plans/{name}", self.url))
    }

    /// Removes the oldest ones beyond what is kept; one that stays longer does no harm.
    fn forget(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let dated = |entry: fs::DirEntry| {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            (written.unwrap_or(SystemTime::UNIX_EPOCH), entry.path())
        };
        let mut all: Vec<(SystemTime, PathBuf)> = entries.map(dated).collect();
        all.sort();
        let more = all.len().saturating_sub(PAGES_MAX);
        for (_, path) in all.into_iter().take(more) {
            if let Err(error) = fs::remove_file(path) {
                tracing::debug!(%error, "an old page stays");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_address_and_the_oldest_go() {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let pages = Pages::new(scratch.path().join("plans"), "https://stratify.example.org/");
        let first = pages.keep("a plan").expect("it is kept");
        let name = first.strip_prefix("https://stratify.example.org/plans/").expect("it is below the address");
        assert_eq!(name.len(), 64, "nobody guesses it");
        assert_eq!(pages.keep("a plan").expect("it is kept"), first, "the same has the same");
        assert_eq!(fs::read_to_string(scratch.path().join("plans").join(name)).expect("it is there"), "a plan");
        let long = pages.keep(&"x".repeat(PAGE_BYTES_MAX + 5)).expect("it is kept");
        let long =
            fs::read_to_string(scratch.path().join("plans").join(&long[long.len() - 64..])).expect("it is there");
        assert!(long.ends_with("\n… and 5 bytes more\n"), "what is left out is told");
        let oldest = scratch.path().join("plans/old");
        fs::write(&oldest, "").expect("it is ours");
        let file = fs::File::options().write(true).open(&oldest).expect("it is there");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("it is ours");
        for number in 0..PAGES_MAX {
            fs::write(scratch.path().join(format!("plans/{number}")), "").expect("it is ours");
        }
        pages.keep("another").expect("it is kept");
        assert!(
            !oldest.exists() && fs::read_dir(scratch.path().join("plans")).expect("it is there").count() == PAGES_MAX
        );
    }
}
