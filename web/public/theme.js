// Runs before the first paint, so that a stored theme never flashes the other one.
(() => {
  let stored = null
  try {
    stored = localStorage.getItem('wheelhouse.theme')
  } catch {
    // Storage is off: the system's preference holds.
  }
  if (stored === 'light' || stored === 'dark') document.documentElement.dataset.theme = stored
})()
