"""A headless browser for the consent page: unticks a scope if requested, allows or denies.

Usage: browser.py ADDRESS, with CONSENT_UNTICK and CONSENT_DECISION in the environment.
"""

from __future__ import annotations

import os
import shutil
import sys

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


def main(address: str) -> None:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get(address)
        for scope in os.environ.get("CONSENT_UNTICK", "").split():
            driver.find_element(By.CSS_SELECTOR, f"input[value={scope}]").click()
        driver.find_element(By.ID, os.environ.get("CONSENT_DECISION", "allow")).click()
        WebDriverWait(driver, 20).until(lambda page: page.title in ("Done", "No consent"))
    finally:
        driver.quit()


if __name__ == "__main__":
    main(sys.argv[1])
