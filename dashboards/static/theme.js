// Runs before the first paint: a stored choice of theme wins over the system's.
try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage is off: the page follows the system.
}
