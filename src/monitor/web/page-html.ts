/** The page before its program has run. Its addresses are relative: a proxy may serve it under a path. */

/** Three curves that go down. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1b5fd9"/><path d="M6 8c3 10 8 14 20 15" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round"/><path d="M13 8c2 5 6 8 13 9" fill="none" stroke="#fff" stroke-opacity=".55" stroke-width="3.2" stroke-linecap="round"/></svg>`;

export const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>ScoreStream</title><link rel="icon" href="icon.svg">
<link rel="stylesheet" href="page.css"><script type="module" src="page.js"></script></head>
<body><noscript>This page needs JavaScript.</noscript></body></html>
`;
