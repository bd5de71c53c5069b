// Runs before the first paint. The same key is written by src/shell/theme.ts.
(function () {
  try {
    var theme = localStorage.getItem('shippost.theme')
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
  } catch (e) {
    // A browser that forbids storage gets the system's theme.
  }

  // The code of the app takes this away. When it does not come, a blank page would say nothing.
  setTimeout(function () {
    var arriving = document.getElementById('arriving')
    if (!arriving) return
    var again = document.createElement('a')
    again.href = location.href
    again.textContent = 'Load it again'
    arriving.className = 'arriving late'
    arriving.textContent = 'ShipPost takes longer than usual. '
    arriving.append(again)
  }, 8000)
})()
