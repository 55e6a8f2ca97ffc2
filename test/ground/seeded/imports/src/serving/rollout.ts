export const online = 'online';
