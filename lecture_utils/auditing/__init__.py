"""The audit: tests of a network and of its maps, and the page that says which it passed.

    networks    a network in a file, opened without running code of its maker's
    subject     what is audited: network, images and labels, checked, and what several tests need of them
    answers     tests of what the network answers
    maps        tests of its maps, and what is drawn beside them
    uses        what the maps may be used for, which follows from the tests
    page        the page
    report      `audit`, which a student imports, and what it returns
"""
