# SPDX-License-Identifier: Apache-2.0
"""What the simulated cloud looks like at its start, and the knobs that a test may turn later."""

SETTINGS = {
    "directory": None,               # bytes of snapshots, certificates; never on freeze_backend
    "account": "123456789012",
    "region": "eu-central-1",        # of the instances
    "regions": [],                   # others that the account has
    "zone": "eu-central-1a",
    "partition": "aws",
    "domain": "amazonaws.com",
    "access_key": "AKIAIOSFODNN7EXAMPLE",
    "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "session_token": None,
    "role": "quiesced",              # None: the instance has no role
    "role_lifetime_seconds": 3600,
    "role_rotate_seconds": 300,      # new credentials are handed out so long before the old expire
    "address": "127.0.0.1",
    "imds_address": "127.0.0.1",
    "imds_port": 0,
    "ec2_port": 0,
    "instances": [{}],
    "subnets": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
    "security_groups": ["sg-0123456789abcdef0", "sg-0fedcba9876543210"],
    "instance_profiles": ["web"],
    "volumes": [],
    "buckets": [],                   # see buckets.BUCKET
    "freeze_backend": None,          # the mount point of the test's own loop file system
    "overlay": None,                 # a further model overlay, for actions under test
    "knobs": {},
}

KNOBS = {
    "snapshot_seconds": 0.2,         # from the cut to completion; None: never
    "progress_steps": 4,
    "image_seconds": 0.1,            # from the last snapshot's completion to `available`
    "cut_seconds": 0.0,              # CreateImage cuts so long after its reply
    "cut_stagger_seconds": 0.0,      # and then volume by volume, so far apart; 0: all at once
    "machines_reboot": False,        # CreateImage that reboots cuts when instance_stopped() is said
    "parameter_seconds": 0.0,        # that SSM takes to look at a new parameter's image
    "visibility_seconds": 0.0,       # new snapshots and images are not found for so long
    "linger_seconds": 0.0,           # deregistered images are listed as they were for so long
    "page_cap": 1000,                # no page of a list is longer
    "newest_first": False,           # in lists: what comes while one is read moves its pages on
    "launch_seconds": 0.0,           # an instance is `pending` for so long
    "launches_fail": None,           # and then ends, for a reason such as "Server.InternalError: .."
    "terminate_seconds": 0.0,        # an instance is `shutting-down` for so long
    "terminated_seconds": 3600.0,    # and is then listed for so long
    "check_seconds": 0.0,            # from running to the result of both checks; None: never
    "impaired": [],                  # checks that fail: "system", "instance"
    "console": "",                   # what a new instance writes: {instance} and {image} stand for ids
    "pending_per_volume": 5,
    "volume_rate_seconds": 0.0,      # between two snapshots of one volume
    "fail_snapshots": 0,             # so many of the next snapshots end in `error`
    "fail_images": 0,                # so many of the next CreateImage calls end in `failed`
    "fail_copies": 0,                # and of CopyImage
    "copies_at_once": 100,           # so many images may be pending in a region that are copies
    "groups_name_templates": False,  # Auto Scaling tells of a launch template the name, and no id
    "kms_keys": None,                # ids, aliases and ARNs that can be used; None: all that are asked
    "unknown_accounts": [],          # nothing can be shared with them
    "cooldown_seconds": 86400.0,     # of the protection from being deregistered
    "wrong_region": "PermanentRedirect",     # what S3 says to it, see s3.WRONG_REGION
    "signed_payloads": False,        # S3 refuses a body whose hash is not signed
    "break_bodies": [],              # how the next large bodies for S3 end: "stall", "reset", None: well
    "locked_objects": [],            # keys that S3 does not delete
    "delete_errors": [],             # what DeleteObjects says of the next objects, one code for each
    "ignore_filters": False,         # as an EC2-compatible cloud does with those that it lacks
    "deny": [],                      # actions that the caller's policy does not allow
    "ignore_dry_run": [],            # actions that are carried out in spite of DryRun; "*": all
    "clock_offset": 0.0,             # the cloud's clock minus the host's
    "keepalive_seconds": 60.0,
    "imds_enabled": True,
    "imds_tags": True,
    "role_code": "Success",          # `Code` of the role's credentials document
}


def overridden(defaults, given, what):
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise ValueError(f"unknown {what}: {', '.join(unknown)}; known are {', '.join(defaults)}")
    return {**defaults, **given}
