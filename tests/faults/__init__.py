"""Whatever goes wrong between Oura and the warehouse: nothing is lost, nothing is made up."""
