// Filters a list by text and state, and leads from a text to the page of an index where it would stand.
(() => {
  const form = document.getElementById('find'), out = document.getElementById('found')
  if (!form) return
  const q = form.elements.q, s = form.elements.s
  const rows = [...document.querySelectorAll('[data-s]')].map(node => ({ node, text: '' }))
  const parts = [...document.querySelectorAll('a[data-first]')]
  form.hidden = false
  form.addEventListener('submit', event => {
    event.preventDefault()
    const link = out.querySelector('a')
    if (link) location.href = link.href
  })
  form.addEventListener('input', () => (parts.length ? lead() : filter()))

  function filter() {
    const text = q.value.trim().toLowerCase(), state = s ? s.value : ''
    let shown = 0
    for (const row of rows) {
      row.text ||= row.node.textContent.toLowerCase()
      const fits = (!state || row.node.dataset.s === state) && (!text || row.text.includes(text))
      row.node.hidden = !fits
      shown += fits
    }
    out.textContent = `${shown.toLocaleString('en')} of ${rows.length.toLocaleString('en')} lines`
  }

  function lead() {
    const text = q.value.trim()
    out.textContent = ''
    if (!text) return
    let found = parts[0]
    for (const part of parts) if (part.dataset.first <= text) found = part
    const link = document.createElement('a')
    link.href = `${found.getAttribute('href')}#${encodeURIComponent(text)}`
    link.textContent = text
    out.append('Look up ', link)
  }
})()
