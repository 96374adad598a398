//! Lets only the customer act on locked elements: the only maker of `Allowed` actions.
