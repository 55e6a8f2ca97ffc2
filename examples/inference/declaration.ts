import { defineProject, streamInference } from 'headrace';
import { departure, departures, lateDeparture, schedule } from '../flights/declaration.ts';

/** The flights model of `npm start`, which also scores every event of `schedule` once. */
const late = streamInference('late', { model: lateDeparture, from: schedule, to: 'late_scores' });

export default defineProject('flights', { schedule, departures, departure, lateDeparture, late });
