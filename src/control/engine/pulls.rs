//! In: looks at the pull requests of the forge. Out: their statuses, through the outbox.
//! Guarantee: one look at a time, after the one at the branch; none of it holds a sync up.
use super::super::pulls::{Look, Pulled, Seen, open};
use super::super::real_world::now;
use super::{Engine, Event, Observer, Until};
use crate::observe::mirror::Head;
use std::sync::Arc;

impl<O: Observer> Engine<O> {
    /// Looks at the pull requests, where the forge tells of them and the branch has a head that is synced.
    pub(super) fn look_at_pulls(&mut self, head: Head) {
        let (Some(server), Head::At(base)) = (self.statuses.server(), head) else { return };
        if self.until == Until::Settled || server.forge().pulls(1).is_none() {
            return;
        }
        if self.pulls.looking {
            // What moved since may have been listed before it did.
            self.pulls.again = Some(base);
            return;
        }
        let store = match self.pulls.store.clone().map_or_else(|| open(&self.outside).map(Arc::new), Ok) {
            Ok(store) => store,
            Err(fault) => return self.troubled("pull requests", std::iter::once(&fault)),
        };
        self.pulls.store = Some(store.clone());
        self.pulls.looking = true;
        let look = Look {
            outside: self.outside.clone(),
            compute: self.compute.clone(),
            server: server.clone(),
            store,
            told: self.pulls.told.clone(),
            base,
            branch: self.outside.settings().branch().to_owned(),
        };
        let events = self.events.clone();
        tokio::spawn(look.run(move |pulled| drop(events.send(Event::Pulled(pulled)))));
    }

    pub(super) fn pulled(&mut self, pulled: Pulled) {
        match pulled {
            Pulled::One(status, number, Seen(told)) => {
                let key = self.told.key_of(&status);
                self.outbox.want(&key, *status, now());
                self.pulls.told.insert(number, told);
            }
            Pulled::All(open, faults) => {
                self.pulls.looking = false;
                if let Some(open) = open {
                    self.pulls.told.retain(|number, _| open.contains(number));
                }
                self.troubled("pull requests", faults.iter());
                if let Some(base) = self.pulls.again.take() {
                    self.look_at_pulls(Head::At(base));
                }
            }
        }
    }
}
