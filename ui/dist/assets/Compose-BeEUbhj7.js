<<<<<<<< HEAD:ui/dist/assets/Compose-C22yhClB.js
import{Dr as e,Or as t,Tr as n,dr as r,er as i,ir as a,r as o,rr as s,vr as c}from"./index-CMsfA5hw.js";import l from"./Opening-DJhyIQ7a.js";function u(u,d){t(d,!0);let f=n(()=>({id:o.params.id,search:o.search}));var p=a(),m=c(p);i(m,()=>r(f),e=>{l(e,{get id(){return r(f).id},get search(){return r(f).search}})}),s(u,p),e()}export{u as default};
========
import{Dr as e,Or as t,Tr as n,dr as r,er as i,ir as a,r as o,rr as s,vr as c}from"./index-MlRTGkiW.js";import l from"./Opening-Cy2FvlXg.js";function u(u,d){t(d,!0);let f=n(()=>({id:o.params.id,search:o.search}));var p=a(),m=c(p);i(m,()=>r(f),e=>{l(e,{get id(){return r(f).id},get search(){return r(f).search}})}),s(u,p),e()}export{u as default};
>>>>>>>> 05f6379 (ui, web: what is not there leads away instead of offering to ask again; a sign-in that came to nothing says so):ui/dist/assets/Compose-BeEUbhj7.js
