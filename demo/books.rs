//! What the shop remembers while it runs: visits, accounts and orders.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Visits kept before the oldest is forgotten.
const MAX_VISITS: usize = 10_000;
pub const MAX_ACCOUNTS: usize = 10_000;
const FIRST_ORDER: u64 = 1001;

pub struct Shop {
    pub salt: String,
    pub state: Mutex<Books>,
}

#[derive(Default)]
pub struct Books {
    pub visits: HashMap<String, Visit>,
    pub oldest: VecDeque<String>,
    pub accounts: HashMap<String, Account>,
    pub ordered: u64,
}

/// One browser's session.
#[derive(Default, Clone)]
pub struct Visit {
    pub csrf: String,
    pub bag: BTreeMap<String, u64>,
    /// E-mail of the account.
    pub account: Option<String>,
    pub agreed: bool,
    pub orders: Vec<Order>,
}

#[derive(Clone)]
pub struct Account {
    pub name: String,
    pub secret: Vec<u8>,
    pub paid_with: Option<Buyer>,
    pub orders: Vec<Order>,
}

/// Who buys. Of the card only the last digits are kept.
#[derive(Clone, Default)]
pub struct Buyer {
    pub name: String,
    pub email: String,
    pub cpf: String,
    pub postcode: String,
    pub street: String,
    pub city: String,
    pub state: String,
    pub last4: String,
}

#[derive(Clone)]
pub struct Order {
    pub number: u64,
    pub lines: Vec<(String, u64)>,
    pub buyer: Buyer,
}

impl Shop {
    pub fn open() -> Self {
        let shop = Self { salt: token(), state: Mutex::default() };
        let maria = Buyer {
            name: "Maria Souza".into(),
            email: "maria@lojasol.example".into(),
            cpf: "390.533.447-05".into(),
            postcode: "20040-002".into(),
            street: "Rua da Praia, 12".into(),
            city: "Rio de Janeiro".into(),
            state: "RJ".into(),
            last4: "4242".into(),
        };
        let secret = shop.secret("sol-e-mar");
        let account = Account { name: maria.name.clone(), secret, orders: Vec::new(), paid_with: Some(maria.clone()) };
        shop.books().accounts.insert(maria.email, account);
        shop
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enough for a demo whose accounts live as long as the process.
    pub fn secret(&self, password: &str) -> Vec<u8> {
        Sha256::digest(format!("{}:{password}", self.salt)).to_vec()
    }
}

impl Books {
    pub fn begin(&mut self) -> String {
        if self.oldest.len() >= MAX_VISITS
            && let Some(id) = self.oldest.pop_front()
        {
            self.visits.remove(&id);
        }
        let id = token();
        self.oldest.push_back(id.clone());
        self.visits.insert(id.clone(), Visit { csrf: token(), ..Visit::default() });
        id
    }

    /// Empties the bag into a new order.
    pub fn order(&mut self, id: &str, buyer: Buyer) -> Option<u64> {
        let visit = self.visits.get_mut(id)?;
        let number = FIRST_ORDER + self.ordered;
        let lines = std::mem::take(&mut visit.bag).into_iter().collect();
        let order = Order { number, lines, buyer: buyer.clone() };
        visit.orders.push(order.clone());
        visit.agreed = false;
        self.ordered += 1;
        if let Some(account) = visit.account.as_ref().and_then(|email| self.accounts.get_mut(email)) {
            account.orders.push(order);
            account.paid_with = Some(buyer);
        }
        Some(number)
    }
}

pub fn token() -> String {
    let mut bytes = [0u8; 24];
    // Without random numbers no visit could be told from another: better no shop than that.
    getrandom::fill(&mut bytes).expect("the operating system has no random numbers");
    URL_SAFE_NO_PAD.encode(bytes)
}
