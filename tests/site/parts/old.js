window.old = "é€";
