// Three flights as an airport's screen would ask for them: what is known at departure, and null for what is not.
import type { ScoreInput } from 'modelyard';

const flight = {
  dow: 0,
  distance: 1089,
  dewp: 60,
  wind_gust: null,
  pressure: 1012,
  dep_delay: null,
};

export const FLIGHTS_TO_ASK: ScoreInput = {
  dataframe_records: [
    {
      ...flight,
      origin: 'LGA',
      dest: 'ATL',
      carrier: 'DL',
      dep_minute: 480,
      arr_minute: 635,
      temp: 71,
      humid: 55,
      wind_speed: 6,
      precip: 0,
      visib: 10,
      origin_delay_2h: 2,
    },
    {
      ...flight,
      origin: 'EWR',
      dest: 'ORD',
      carrier: 'UA',
      dep_minute: 1140,
      arr_minute: 1225,
      temp: 84,
      humid: 88,
      wind_speed: 18,
      precip: 0.2,
      visib: 3,
      origin_delay_2h: 35,
    },
    {
      ...flight,
      origin: 'JFK',
      dest: 'SFO',
      carrier: 'B6',
      dep_minute: 1020,
      arr_minute: 1235,
      temp: 79,
      humid: 63,
      wind_speed: 10,
      precip: 0,
      visib: 10,
      origin_delay_2h: 12,
    },
  ],
};
