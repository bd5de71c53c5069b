// Forms with data-passkey ask the device for a passkey before they are sent: "create" makes one, "get" uses one.
'use strict'
const able = window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON
for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!able) continue
  form.hidden = false
  const complaint = form.querySelector('[role=alert]')
  form.addEventListener('submit', async (event) => {
    if (form.elements.answer.value) return
    event.preventDefault()
    complaint.hidden = true
    try {
      const answer = await fetch(form.dataset.question, { method: 'POST', body: new URLSearchParams(new FormData(form)), headers: { Accept: 'application/json' } })
      const question = await answer.json()
      if (!answer.ok) throw new Error(question.detail)
      const credential = form.dataset.passkey === 'create'
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(question.options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(question.options) })
      form.elements.token.value = question.token
      if (form.elements.id) form.elements.id.value = question.id
      form.elements.answer.value = JSON.stringify(credential)
      form.submit()
    } catch (e) {
      complaint.textContent = e.name === 'NotAllowedError' ? 'Nothing was confirmed on your device. Try again.'
        : e.name === 'InvalidStateError' ? 'This device has a passkey for this server already.' : e.message
      complaint.hidden = false
    }
  })
}
