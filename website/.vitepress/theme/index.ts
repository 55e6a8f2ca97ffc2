import theme from 'vitepress/theme-without-fonts';
import './pages.css';

export default theme;
