# SPDX-License-Identifier: Apache-2.0
"""What a service refuses, with the code, message and HTTP status that AWS gives."""


class ApiError(Exception):
    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid_value(value, name, expectation=""):
    tail = f". {expectation}" if expectation else ""
    return ApiError("InvalidParameterValue",
                    f"Value ({value}) for parameter {name} is invalid{tail}")


def missing(name):
    return ApiError("MissingParameter", f"The request must contain the parameter {name}")


def unknown(name):
    return ApiError("UnknownParameter", f"The parameter {name} is not recognized")
