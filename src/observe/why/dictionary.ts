/**
 * What answers to `gossipd-why` are full of, for deflate, the most frequent at the end. It is a part of the
 * protocol: with another text, another number than 1 has to stand as `v` in the answers.
 */
export const whyDictionary = [
  '"clock""busy""stalled""leaving""started","address":"10.0.0.127.0.0.1:7946"',
  '"balancer":"version":"way":"runtime""reload""applied""cause":"handler""script":"failure":"run":',
  '"member-reap""member-update""member-leave""member-join""state"["told"',
  '"member-failed","nodes":[],"count":1}],["health",{"score":',
  '["moved","from":"to":["appeared",{"address":"before":"left""failed"',
  '["accused",{"of":"dead""suspect"["cleared",{"why":"we were cut off""refuted","incarnation":"after":',
  '"late""helped""tcp""unreachable""silent""acked""paused"',
  '["confirmed",{"by":"confirmations":2}],["gone",{"state":"left","by":"why":"refused""told""timeout"',
  '["gone",{"state":"failed","by":"","why":"timeout","incarnation":1,"confirmations":1}],',
  '["-","","lost",1],["-","","lost"],["+",',
  '["suspected",{"by":"","incarnation":1,"unheard":false}],',
  '["probe",{"outcome":"lost","took":1000,"helpers":["",""],"nacks":0,"tcp":"refused","unheard":true}],',
  '["probe",{"outcome":"lost","took":500.,"helpers":["",""],"nacks":0,"tcp":"untried","unheard":false}],',
  '{"v":1,"more":true,"reach":3600000,"items":[["',
].join("");
