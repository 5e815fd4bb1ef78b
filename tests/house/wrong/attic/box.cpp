int box();
